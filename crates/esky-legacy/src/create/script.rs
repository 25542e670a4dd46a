//! Commands in a row, with as few steps between paths as can be.

use crate::command::Command;

/// What was written so far, and where the reader is then.
#[derive(Default)]
pub(super) struct Script {
    pub(super) commands: Vec<Command>,
    at: Vec<String>,
}

impl Script {
    /// Writes a command for a path.
    pub(super) fn write(&mut self, path: &[String], command: Command) {
        self.go(path);
        self.commands.push(command);
    }

    /// Brings the reader to a path.
    pub(super) fn go(&mut self, path: &[String]) {
        let common = self.at.iter().zip(path).take_while(|(a, b)| a == b).count();
        let up = self.at.len() - common;
        let mut down = path.iter().skip(common);
        for step in 0..up {
            let next = if step + 1 == up { down.next() } else { None };
            self.commands.push(match next {
                Some(name) => Command::PopJoinPath(name.clone()),
                None => Command::PopPath,
            });
        }
        let joined = down.map(|name| Command::JoinPath(name.clone()));
        self.commands.extend(joined);
        self.at = path.to_vec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_between_two_paths_is_the_shortest() {
        let path = |text: &str| -> Vec<String> { text.split('/').map(str::to_owned).collect() };
        let mut script = Script::default();
        script.go(&path("a/b/c"));
        script.commands.clear();
        script.go(&path("a/x/y"));
        let expected = [
            Command::PopPath,
            Command::PopJoinPath("x".to_owned()),
            Command::JoinPath("y".to_owned()),
        ];
        assert_eq!(script.commands, expected);
        script.commands.clear();
        script.go(&path("a"));
        assert_eq!(script.commands, [Command::PopPath, Command::PopPath]);
    }
}
