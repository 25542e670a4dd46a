//! Huffman codes as zlib makes them: which of several equally good codes it takes is part of its output.

/// The most bits of a code for lengths and distances.
pub(super) const DEEPEST: usize = 15;
/// The order in which the lengths of the codes for code lengths are written.
pub(super) const ORDER: [usize; 19] = [
    16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
];

/// Lengths of the fixed code for literals and lengths (RFC 1951, 3.2.6).
pub(super) fn fixed_lengths() -> Vec<u8> {
    let mut lengths = vec![8; 288];
    lengths[144..256].fill(9);
    lengths[256..280].fill(7);
    lengths
}

/// A code for each symbol: its bits, lowest first, and how many there are.
#[derive(Clone, Debug, Default)]
pub(super) struct Code {
    pub(super) lengths: Vec<u8>,
    pub(super) bits: Vec<u16>,
    /// The highest symbol that occurs.
    pub(super) highest: usize,
}

impl Code {
    /// The best code for symbols of these frequencies, with at most `deepest` bits a symbol.
    pub(super) fn of(frequencies: &[u16], deepest: usize) -> Self {
        let mut builder = Builder::new(frequencies);
        builder.join();
        let lengths = builder.lengths(deepest);
        Self {
            bits: bits_of(&lengths),
            highest: builder.highest,
            lengths,
        }
    }

    /// A code with given lengths.
    pub(super) fn with(lengths: Vec<u8>) -> Self {
        Self {
            bits: bits_of(&lengths),
            highest: lengths.len() - 1,
            lengths,
        }
    }

    /// How many bits symbols of these frequencies take.
    pub(super) fn size(&self, frequencies: &[u16]) -> u64 {
        let sizes = self.lengths.iter().zip(frequencies);
        sizes
            .map(|(&length, &count)| u64::from(length) * u64::from(count))
            .sum()
    }
}

/// Numbers the codes of each length in the order of their symbols (RFC 1951, 3.2.2), and turns their bits around.
pub(super) fn bits_of(lengths: &[u8]) -> Vec<u16> {
    let mut counts = [0u16; DEEPEST + 1];
    for &length in lengths {
        counts[usize::from(length)] += 1;
    }
    counts[0] = 0;
    let mut next = [0u16; DEEPEST + 2];
    for length in 1..=DEEPEST {
        next[length] = (next[length - 1] + counts[length - 1]) << 1;
    }
    let bits = lengths.iter().map(|&length| {
        if length == 0 {
            return 0;
        }
        let code = next[usize::from(length)];
        next[usize::from(length)] += 1;
        code.reverse_bits() >> (16 - length)
    });
    bits.collect()
}

/// A tree that grows from its leaves.
struct Builder {
    frequencies: Vec<u16>,
    depths: Vec<u8>,
    parents: Vec<u16>,
    heap: Vec<u16>,
    /// Nodes in the order in which they were joined, the root last.
    joined: Vec<u16>,
    symbols: usize,
    highest: usize,
}

impl Builder {
    fn new(frequencies: &[u16]) -> Self {
        let symbols = frequencies.len();
        let mut frequencies = frequencies.to_vec();
        let occurring = |symbol: &u16| frequencies[usize::from(*symbol)] > 0;
        let mut heap: Vec<u16> = (0..symbols as u16).filter(occurring).collect();
        let mut highest = heap.last().copied();
        // A code has two symbols at least, so that each has a bit.
        while heap.len() < 2 {
            let symbol = match highest {
                Some(highest @ 0..2) => highest + 1,
                _ => 0,
            };
            highest = highest.max(Some(symbol));
            frequencies[usize::from(symbol)] = 1;
            heap.push(symbol);
        }
        Self {
            frequencies,
            depths: vec![0; 2 * symbols],
            parents: vec![0; 2 * symbols],
            heap,
            joined: Vec::new(),
            symbols,
            highest: highest.map_or(0, usize::from),
        }
    }

    fn join(&mut self) {
        for place in (0..self.heap.len() / 2).rev() {
            self.sink(place);
        }
        while self.heap.len() >= 2 {
            let first = self.heap[0];
            let last = self.heap.pop().unwrap_or(0);
            self.heap[0] = last;
            self.sink(0);
            let second = self.heap[0];
            self.joined.extend([first, second]);
            let [one, other] = [first, second].map(usize::from);
            let node = self.frequencies.len();
            let sum = self.frequencies[one].wrapping_add(self.frequencies[other]);
            self.frequencies.push(sum);
            self.depths[node] = self.depths[one].max(self.depths[other]) + 1;
            self.parents[one] = node as u16;
            self.parents[other] = node as u16;
            self.heap[0] = node as u16;
            self.sink(0);
        }
        self.joined.extend(self.heap.first());
    }

    fn smaller(&self, one: u16, other: u16) -> bool {
        let key = |node: u16| {
            (
                self.frequencies[usize::from(node)],
                self.depths[usize::from(node)],
            )
        };
        key(one) <= key(other)
    }

    /// Moves a node of the heap down to where it belongs.
    fn sink(&mut self, mut place: usize) {
        let node = self.heap[place];
        loop {
            let mut child = 2 * place + 1;
            if child >= self.heap.len() {
                break;
            }
            if child + 1 < self.heap.len() && self.smaller(self.heap[child + 1], self.heap[child]) {
                child += 1;
            }
            if self.smaller(node, self.heap[child]) {
                break;
            }
            self.heap[place] = self.heap[child];
            place = child;
        }
        self.heap[place] = node;
    }

    fn lengths(&self, deepest: usize) -> Vec<u8> {
        let mut lengths = vec![0u8; self.frequencies.len()];
        let mut counts = [0i32; DEEPEST + 1];
        let mut too_deep = 0;
        for &node in self.joined.iter().rev().skip(1) {
            let node = usize::from(node);
            let mut length = usize::from(lengths[usize::from(self.parents[node])]) + 1;
            if length > deepest {
                length = deepest;
                too_deep += 1;
            }
            lengths[node] = length as u8;
            if node < self.symbols {
                counts[length] += 1;
            }
        }
        if too_deep > 0 {
            self.flatten(&mut lengths, &mut counts, too_deep, deepest);
        }
        lengths.truncate(self.symbols);
        lengths
    }

    /// Makes room for the leaves that were too deep.
    fn flatten(&self, lengths: &mut [u8], counts: &mut [i32], mut too_deep: i32, deepest: usize) {
        while too_deep > 0 {
            let mut length = deepest - 1;
            while counts[length] == 0 {
                length -= 1;
            }
            counts[length] -= 1;
            counts[length + 1] += 2;
            counts[deepest] -= 1;
            too_deep -= 2;
        }
        let mut leaves = self.joined.iter().map(|&node| usize::from(node));
        for length in (1..=deepest).rev() {
            for _ in 0..counts[length] {
                if let Some(leaf) = leaves.find(|&node| node < self.symbols) {
                    lengths[leaf] = length as u8;
                }
            }
        }
    }
}
