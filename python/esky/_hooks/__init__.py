"""What freezers read to bundle esky: developers do nothing for it."""
