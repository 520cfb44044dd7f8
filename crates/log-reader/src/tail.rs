//! One open file, read forward.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::os::unix::fs::FileExt;
use std::time::Instant;

use flate2::read::MultiGzDecoder;
use trusted_path::Identity;

use crate::LONGEST_PIECE;
use crate::aside::Key;
use crate::closed::Closed;
use crate::discover::OpenedAside;
use crate::open::{self, Opened};
use crate::pieces::Pieces;

/// So much is read at a time.
pub(crate) const CHUNK: usize = 64 << 10;
/// So many of the first bytes tell whether a file was truncated and has grown again.
const HEAD: usize = 64;

/// An open file, and how far it was read. Dropping it closes the file.
#[derive(Debug)]
pub(crate) struct Tail {
    text: Text,
    pub(crate) identity: Identity,
    pub(crate) pieces: Pieces,
    /// When bytes came last, or it was opened.
    pub(crate) grown: Instant,
    /// It was closed meanwhile: it is not one of the youngest.
    pub(crate) was_closed: bool,
}

#[derive(Debug)]
enum Text {
    Plain(Plain),
    /// Lines to leave out first, and what unpacks.
    Packed(u64, Box<BufReader<MultiGzDecoder<BufReader<File>>>>),
    /// Nothing of it was read yet.
    Closed(Closed),
}

#[derive(Debug)]
struct Plain {
    file: File,
    offset: u64,
    /// So far it went when its lines were counted. Nothing is read from there on until that limit is lifted.
    counted_to: Option<u64>,
    /// Nothing is read from here on.
    limit: Option<u64>,
    /// Nor from here on, until that is lifted.
    goal: Option<u64>,
    head: Vec<u8>,
}

impl Tail {
    /// A file from its beginning.
    pub(crate) fn plain(opened: Opened, now: Instant) -> Tail {
        let plain = Plain {
            file: opened.file,
            offset: 0,
            counted_to: None,
            limit: None,
            goal: None,
            head: Vec::new(),
        };
        Tail::new(Text::Plain(plain), opened.identity, now)
    }

    /// A file from here on, of which so many lines were counted up to there.
    pub(crate) fn counted(
        opened: Opened,
        (from, to): (u64, u64),
        lines: u64,
        now: Instant,
    ) -> io::Result<Tail> {
        let (file, counted_to) = (opened.file, Some(to));
        let mut plain =
            Plain { file, offset: from, counted_to, limit: None, goal: None, head: Vec::new() };
        // What it begins with now tells later whether it is still what was counted.
        plain.has_its_head()?;
        let mut tail = Tail::new(Text::Plain(plain), opened.identity, now);
        tail.pieces.expect(lines);
        Ok(tail)
    }

    /// A compressed file without its first lines, of which so many were counted.
    pub(crate) fn packed(
        opened: Opened,
        without: u64,
        lines: u64,
        now: Instant,
    ) -> io::Result<Tail> {
        let text = Text::Packed(without, Box::new(BufReader::new(unpack(opened.file)?)));
        let mut tail = Tail::new(text, opened.identity, now);
        tail.pieces.expect(lines);
        Ok(tail)
    }

    fn new(text: Text, identity: Identity, now: Instant) -> Tail {
        let pieces = Pieces::new(LONGEST_PIECE);
        Tail { text, identity, pieces, grown: now, was_closed: false }
    }

    /// Closes it until its turn comes. Nothing of it was read yet.
    pub(crate) fn close(&mut self, key: Key) {
        let (is_packed, from, to) = match &self.text {
            Text::Plain(plain) => (false, plain.offset, plain.known_size()),
            Text::Packed(without, _) => (true, *without, 0),
            Text::Closed(_) => return,
        };
        self.text = Text::Closed(Closed { key, is_packed, from, to });
        self.was_closed = true;
    }

    /// Which it is, if it was closed.
    pub(crate) fn closed(&self) -> Option<(Identity, Closed)> {
        match &self.text {
            Text::Closed(closed) => Some((self.identity, closed.clone())),
            Text::Plain(_) | Text::Packed(..) => None,
        }
    }

    /// Goes on with what was counted. It may have been compressed since.
    pub(crate) fn reopen(&mut self, aside: OpenedAside) -> io::Result<()> {
        let Text::Closed(closed) = &self.text else { return Ok(()) };
        let OpenedAside { opened, is_packed } = aside;
        let (from, to) = (closed.from, closed.to);
        self.text = match (is_packed, closed.is_packed) {
            (false, _) => {
                let counted_to = Some(to);
                let (file, head) = (opened.file, Vec::new());
                let mut plain =
                    Plain { file, offset: from, counted_to, limit: None, goal: None, head };
                plain.has_its_head()?;
                Text::Plain(plain)
            }
            (true, true) => Text::Packed(from, Box::new(BufReader::new(unpack(opened.file)?))),
            (true, false) => {
                let mut unpacked = Box::new(BufReader::new(unpack(opened.file)?));
                io::copy(&mut unpacked.by_ref().take(from), &mut io::sink())?;
                Text::Packed(0, unpacked)
            }
        };
        Ok(())
    }

    /// The file itself, unless it is compressed.
    pub(crate) fn file(&self) -> Option<&File> {
        match &self.text {
            Text::Plain(plain) => Some(&plain.file),
            Text::Packed(..) | Text::Closed(_) => None,
        }
    }

    /// From now on what comes after the counted lines is read, too. Says whether it was not before.
    pub(crate) fn lift_limit(&mut self) -> bool {
        match &mut self.text {
            Text::Plain(plain) => plain.counted_to.take().is_some(),
            Text::Packed(..) | Text::Closed(_) => false,
        }
    }

    /// Whether nobody will write to it: it is compressed, or has no name any more. With a goal that is not asked: there
    /// may be more than is read.
    pub(crate) fn is_over(&self) -> bool {
        match &self.text {
            Text::Plain(plain) if plain.goal.is_some() => false,
            Text::Plain(plain) => open::state(&plain.file).is_ok_and(|state| !state.has_a_name),
            Text::Packed(..) | Text::Closed(_) => true,
        }
    }

    /// Nothing is read beyond what is there now.
    pub(crate) fn set_goal(&mut self) -> io::Result<()> {
        if let Text::Plain(plain) = &mut self.text {
            plain.goal = Some(open::state(&plain.file)?.size);
        }
        Ok(())
    }

    /// Whatever comes is read again.
    pub(crate) fn lift_goal(&mut self) {
        if let Text::Plain(plain) = &mut self.text {
            plain.goal = None;
        }
    }

    /// Whether there is more than is read because of the goal.
    pub(crate) fn is_held_up(&self) -> bool {
        match &self.text {
            Text::Plain(Plain { file, goal: Some(goal), .. }) => {
                open::state(file).is_ok_and(|state| *goal < state.size)
            }
            Text::Plain(_) | Text::Packed(..) | Text::Closed(_) => false,
        }
    }

    /// The next bytes; none at the present end. They come again unless they were [taken](Tail::take).
    ///
    /// Writers of `log-file` write a record again that has gone to a file without a name. So of such a file nothing
    /// is shown that comes after this was seen (`writes_again`).
    pub(crate) fn read<'a>(
        &mut self,
        buffer: &'a mut [u8],
        writes_again: bool,
    ) -> io::Result<&'a [u8]> {
        match &mut self.text {
            Text::Plain(plain) => plain.read(buffer, writes_again),
            Text::Packed(without, unpacked) => loop {
                let length = retry(|| Ok(unpacked.fill_buf()?.len()))?.min(buffer.len());
                buffer[..length].copy_from_slice(&unpacked.buffer()[..length]);
                let start = skip(&buffer[..length], without);
                unpacked.consume(start);
                if start < length || length == 0 {
                    return Ok(&buffer[start..length]);
                }
            },
            Text::Closed(_) => Ok(&[]),
        }
    }

    /// So many of the bytes that were read do not come again.
    pub(crate) fn take(&mut self, length: usize) {
        match &mut self.text {
            Text::Plain(plain) => plain.offset += length as u64,
            Text::Packed(_, unpacked) => unpacked.consume(length),
            Text::Closed(_) => (),
        }
    }

    /// Begins anew if the file was truncated, or is another as far as its first bytes tell. Whatever was counted is
    /// gone then, and what is there is new.
    pub(crate) fn begins_anew(&mut self) -> io::Result<bool> {
        let Text::Plain(plain) = &mut self.text else { return Ok(false) };
        if plain.known_size() <= open::state(&plain.file)?.size && plain.has_its_head()? {
            return Ok(false);
        }
        plain.offset = 0;
        plain.counted_to = plain.counted_to.map(|_| 0);
        plain.goal = plain.goal.map(|_| 0);
        plain.head.clear();
        Ok(true)
    }
}

impl Plain {
    /// It was this long at least.
    fn known_size(&self) -> u64 {
        self.counted_to.map_or(self.offset, |counted_to| counted_to.max(self.offset))
    }

    fn read<'a>(&mut self, buffer: &'a mut [u8], writes_again: bool) -> io::Result<&'a [u8]> {
        if writes_again && self.limit.is_none() {
            let state = open::state(&self.file)?;
            self.limit = (!state.has_a_name).then_some(state.size);
        }
        let limit = self.limit.into_iter().chain(self.counted_to).chain(self.goal).min();
        let left = limit.map_or(u64::MAX, |limit| limit.saturating_sub(self.offset));
        let length = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let read = retry(|| self.file.read_at(&mut buffer[..length], self.offset))?;
        Ok(&buffer[..read])
    }

    /// Whether it begins as it did. Blanks count for anything: `log-file` takes records back by them.
    fn has_its_head(&mut self) -> io::Result<bool> {
        let mut head = [0; HEAD];
        let wanted = usize::try_from(self.known_size()).map_or(HEAD, |size| size.min(HEAD));
        let read = retry(|| self.file.read_at(&mut head[..wanted], 0))?;
        let alike = |(old, new): (&u8, &u8)| old == new || matches!(new, b' ' | b'\n');
        if !self.head.iter().zip(&head[..read]).all(alike) {
            return Ok(false);
        }
        self.head = head[..read].to_vec();
        Ok(true)
    }
}

/// How much of it belongs to the first lines that are left out.
fn skip(bytes: &[u8], lines: &mut u64) -> usize {
    let mut start = 0;
    while 0 < *lines {
        let Some(end) = bytes[start..].iter().position(|byte| *byte == b'\n') else {
            return bytes.len();
        };
        start += end + 1;
        *lines -= 1;
    }
    start
}

/// Unpacks from the beginning, wherever others have read to.
fn unpack<F: Read + Seek>(mut packed: F) -> io::Result<MultiGzDecoder<BufReader<F>>> {
    packed.rewind()?;
    Ok(MultiGzDecoder::new(BufReader::new(packed)))
}

fn read(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    retry(|| from.read(buffer))
}

fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
            done => return done,
        }
    }
}

/// How many lines a compressed file has; a last one without its end counts.
///
/// # Errors
///
/// It cannot be read, or is not whole.
pub(crate) fn count_packed(file: &File) -> io::Result<u64> {
    let mut unpacked = unpack(file)?;
    let mut buffer = vec![0; CHUNK];
    let (mut count, mut is_inside) = (0, false);
    loop {
        let length = read(&mut unpacked, &mut buffer)?;
        let Some(last) = buffer[..length].last() else { break };
        is_inside = *last != b'\n';
        count += buffer[..length].iter().filter(|byte| **byte == b'\n').count() as u64;
    }
    Ok(count + u64::from(is_inside))
}

/// Whether a compressed file was made from this one, or from what it was before somebody added something.
pub(crate) fn is_made_from(packed: &File, plain: &File) -> io::Result<bool> {
    let mut unpacked = unpack(packed)?;
    let (mut one, mut other) = (vec![0; CHUNK], vec![0; CHUNK]);
    let mut offset = 0;
    loop {
        let length = read(&mut unpacked, &mut one)?;
        if length == 0 {
            // What is empty could be made from any.
            return Ok(0 < offset);
        }
        match plain.read_exact_at(&mut other[..length], offset) {
            Ok(()) if one[..length] == other[..length] => offset += length as u64,
            Ok(()) => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            Err(error) => return Err(error),
        }
    }
}
