//! Fake apps and faulty servers for tests
