//! A patch as a picture: one bar of what its bytes tell, and one for each of its largest files.

use std::fmt::Write as _;

use super::Outcome;
use crate::text;

const WIDTH: f64 = 720.0;
const LINE: usize = 22;
const MOST_FILES: usize = 16;
/// One for each sort of bytes, told apart by people who see few colors, too.
const COLORS: [&str; 8] = [
    "#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#bbbbbb", "#777777",
];

/// Draws a patch as SVG.
pub(super) fn draw(outcome: &Outcome) -> String {
    let files = outcome.files.iter().take(MOST_FILES);
    let lines = 4 + outcome.parts.len() + files.len();
    let height = lines * LINE + 16;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{height}\" viewBox=\"0 0 {0} {height}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
        WIDTH + 32.0
    );
    let mut canvas = Canvas {
        svg: &mut svg,
        line: 0,
    };
    canvas.text(&format!("{}: {}", outcome.path, text::bytes(outcome.size)));
    canvas.stack(outcome);
    for (part, color) in outcome.parts.iter().zip(COLORS.iter().cycle()) {
        canvas.square(color);
        canvas.label(&format!("{}  {}", part.name, text::bytes(part.size)));
    }
    canvas.line += 1;
    let largest = outcome.files.iter().map(|file| file.patch).max();
    for file in files {
        let share = file.patch as f64 / largest.unwrap_or(1).max(1) as f64;
        canvas.bar(0.0, share * WIDTH / 2.0, "#4477aa");
        canvas.beside(
            share,
            &format!("{}  {}", text::bytes(file.patch), file.path),
        );
    }
    svg.push_str("</svg>\n");
    svg
}

struct Canvas<'a> {
    svg: &'a mut String,
    line: usize,
}

impl Canvas<'_> {
    fn top(&self) -> usize {
        self.line * LINE + 8
    }

    fn bar(&mut self, from: f64, width: f64, color: &str) {
        let (x, y, height) = (from + 16.0, self.top(), LINE - 6);
        let _ = writeln!(
            self.svg,
            "<rect x=\"{x:.1}\" y=\"{y}\" width=\"{width:.1}\" height=\"{height}\" fill=\"{color}\"/>"
        );
    }

    fn stack(&mut self, outcome: &Outcome) {
        let mut from = 0.0;
        for (part, color) in outcome.parts.iter().zip(COLORS.iter().cycle()) {
            let width = WIDTH * part.size as f64 / outcome.size.max(1) as f64;
            self.bar(from, width, color);
            from += width;
        }
        self.line += 1;
    }

    fn square(&mut self, color: &str) {
        self.bar(0.0, (LINE - 6) as f64, color);
    }

    fn label(&mut self, text: &str) {
        self.put(24.0, text);
    }

    fn text(&mut self, text: &str) {
        self.put(0.0, text);
    }

    fn beside(&mut self, share: f64, text: &str) {
        self.put(share * WIDTH / 2.0 + 8.0, text);
    }

    fn put(&mut self, from: f64, text: &str) {
        let (x, y) = (from + 16.0, self.top() + LINE - 10);
        let text = escaped(&text::printable(text));
        let _ = writeln!(self.svg, "<text x=\"{x:.1}\" y=\"{y}\">{text}</text>");
        self.line += 1;
    }
}

fn escaped(text: &str) -> String {
    let escape = |c: char| match c {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        c => c.to_string(),
    };
    text.chars().map(escape).collect()
}
