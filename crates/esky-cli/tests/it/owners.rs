//! Whose the files of an app are, and who may do what with them: any umask, several users, root.

mod modes;
mod root;
mod trials;
mod users;
