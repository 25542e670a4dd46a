//! Probabilities and their logarithmic odds, in integers.

/// The largest magnitude of stretched odds: eight units of 256.
pub(crate) const STRETCHED_MOST: i16 = 2047;

/// 65536 / (1 + exp(-x)) for x from -8 to 8 in steps of a half.
const CURVE: [u16; 33] = [
    22, 36, 60, 98, 162, 267, 439, 720, 1179, 1921, 3108, 4971, 7812, 11955, 17625, 24743, 32768,
    40793, 47911, 53581, 57724, 60565, 62428, 63615, 64357, 64816, 65097, 65269, 65374, 65438,
    65476, 65500, 65514,
];

/// 4096 odds from -8 on as probabilities.
static SQUASHED: [u16; 4096] = squashed();
/// 4096 probabilities as odds.
static STRETCHED: [i16; 4096] = stretched();

/// The probability, of 65536, of odds: natural logarithms, 256 a unit.
pub(crate) fn squash(odds: i32) -> u32 {
    u32::from(SQUASHED[(odds.clamp(-2048, 2047) + 2048) as usize & 4095])
}

/// The odds of a probability of 4096.
pub(crate) fn stretch(probability: u32) -> i16 {
    STRETCHED[probability as usize & 4095]
}

const fn squashed() -> [u16; 4096] {
    let mut table = [0; 4096];
    let mut place = 0;
    while place < 4096 {
        let (step, part) = (place / 128, place as u32 % 128);
        let (low, high) = (CURVE[step] as u32, CURVE[step + 1] as u32);
        table[place] = ((low * (128 - part) + high * part) / 128) as u16;
        place += 1;
    }
    table
}

const fn stretched() -> [i16; 4096] {
    let squashed = squashed();
    let mut table = [0; 4096];
    let mut odds = 0;
    let mut probability = 0;
    while probability < 4096 {
        let middle = probability as u32 * 16 + 8;
        while odds < 4095 && (squashed[odds] as u32) < middle {
            odds += 1;
        }
        let stretched = odds as i16 - 2048;
        table[probability] = if stretched < -STRETCHED_MOST {
            -STRETCHED_MOST
        } else {
            stretched
        };
        probability += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretching_undoes_squashing() {
        for odds in (-1500..1500).step_by(10) {
            let back = i32::from(stretch(squash(odds) >> 4));
            assert!((back - odds).abs() <= 64, "{odds} came back as {back}");
        }
        assert_eq!(squash(0), 32_768);
    }
}
