//! Probabilities and their logarithmic odds, in integers.

/// The largest magnitude of stretched odds: eight units of 256.
pub(crate) const STRETCHED_MOST: i32 = 2047;

/// 65536 / (1 + exp(-x)) for x from -8 to 8 in steps of a half.
const CURVE: [u16; 33] = [
    22, 36, 60, 98, 162, 267, 439, 720, 1179, 1921, 3108, 4971, 7812, 11955, 17625, 24743, 32768,
    40793, 47911, 53581, 57724, 60565, 62428, 63615, 64357, 64816, 65097, 65269, 65374, 65438,
    65476, 65500, 65514,
];

/// Tables between probabilities (of 65536) and odds (natural logarithm, 256 a unit).
pub(crate) struct Logistic {
    squashed: Vec<u16>,
    stretched: Vec<i16>,
}

impl Logistic {
    pub(crate) fn new() -> Self {
        let squashed: Vec<u16> = (0..4096).map(interpolate).collect();
        let mut stretched = Vec::with_capacity(4096);
        let mut odds = 0usize;
        for probability in 0..4096u32 {
            let middle = probability * 16 + 8;
            while odds < 4095 && u32::from(squashed[odds]) < middle {
                odds += 1;
            }
            stretched.push((odds as i32 - 2048).clamp(-STRETCHED_MOST, STRETCHED_MOST) as i16);
        }
        Self {
            squashed,
            stretched,
        }
    }

    /// The probability of these odds, of 65536.
    pub(crate) fn squash(&self, odds: i32) -> u32 {
        u32::from(self.squashed[(odds.clamp(-2048, 2047) + 2048) as usize])
    }

    /// The odds of a probability of 4096.
    pub(crate) fn stretch(&self, probability: u32) -> i32 {
        i32::from(self.stretched[probability.min(4095) as usize])
    }
}

fn interpolate(place: u32) -> u16 {
    let (step, part) = ((place / 128) as usize, place % 128);
    let (low, high) = (u32::from(CURVE[step]), u32::from(CURVE[step + 1]));
    ((low * (128 - part) + high * part) / 128) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretching_undoes_squashing() {
        let logistic = Logistic::new();
        for odds in (-1500..1500).step_by(10) {
            let back = logistic.stretch(logistic.squash(odds) >> 4);
            assert!((back - odds).abs() <= 64, "{odds} came back as {back}");
        }
        assert_eq!(logistic.squash(0), 32_768);
    }
}
