//! The Python module esky._esky
