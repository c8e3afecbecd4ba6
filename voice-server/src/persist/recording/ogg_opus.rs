//! A stereo Ogg Opus file (RFC 7845) that is written while the call runs.
//!
//! Invariant: whole pages only, one a second: whenever the process dies, the file plays up to its last page.

use ogg::writing::{PacketWriteEndInfo, PacketWriter};
use opus::{Application, Bitrate, Channels, Encoder};
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;
use voice_core::units::SampleRate;

/// Enough for two voices that seldom speak at the same time.
const BITRATE_BPS: i32 = 32_000;

/// The same as the line's own codec.
const COMPLEXITY: i32 = 5;

/// No packet of 20 ms is longer (RFC 6716, section 3.2.1), one a channel.
const MAX_PACKET_BYTES: usize = 2 * 1_275;

/// A page a second.
const PACKETS_A_PAGE: u64 = 50;

/// Samples of a packet at the 48 kHz in which Ogg Opus counts.
const PACKET_48K: u64 = 960;

/// A file that is written.
pub(super) struct OggOpusFile {
    writer: PacketWriter<'static, BufWriter<File>>,
    encoder: Encoder,
    serial: u32,
    packets: u64,
    packet: Vec<u8>,
}

impl OggOpusFile {
    /// Begins a file, with both headers.
    pub(super) fn create(path: &Path, rate: SampleRate, serial: u32) -> io::Result<Self> {
        let mut encoder = Encoder::new(rate.hz(), Channels::Stereo, Application::Voip).map_err(io::Error::other)?;
        encoder.set_bitrate(Bitrate::Bits(BITRATE_BPS)).map_err(io::Error::other)?;
        encoder.set_complexity(COMPLEXITY).map_err(io::Error::other)?;
        let lookahead = encoder.get_lookahead().map_err(io::Error::other)?;
        let mut writer = PacketWriter::new(BufWriter::new(File::create(path)?));
        writer.write_packet(head(rate, lookahead), serial, PacketWriteEndInfo::EndPage, 0)?;
        writer.write_packet(tags(), serial, PacketWriteEndInfo::EndPage, 0)?;
        Ok(Self { writer, encoder, serial, packets: 0, packet: Vec::new() })
    }

    /// Adds 20 ms of both sides, interleaved.
    pub(super) fn push(&mut self, frame: &[i16]) -> io::Result<()> {
        let end = match (self.packets + 1) % PACKETS_A_PAGE {
            0 => PacketWriteEndInfo::EndPage,
            _ => PacketWriteEndInfo::NormalPacket,
        };
        self.write(frame, end)
    }

    /// Ends the file with the last 20 ms.
    pub(super) fn finish(mut self, frame: &[i16]) -> io::Result<()> {
        self.write(frame, PacketWriteEndInfo::EndStream)?;
        self.writer.into_inner().into_inner()?.sync_all()
    }

    fn write(&mut self, frame: &[i16], end: PacketWriteEndInfo) -> io::Result<()> {
        self.packet.resize(MAX_PACKET_BYTES, 0);
        let bytes = self.encoder.encode(frame, &mut self.packet).map_err(io::Error::other)?;
        self.packet.truncate(bytes);
        self.packets += 1;
        let written = self.writer.write_packet(self.packet.clone(), self.serial, end, self.packets * PACKET_48K);
        written.and_then(|()| match end {
            PacketWriteEndInfo::NormalPacket => Ok(()),
            _ => io::Write::flush(self.writer.inner_mut()),
        })
    }
}

/// `lookahead` is in samples at the encoder's rate; a player leaves out as much at the start.
fn head(rate: SampleRate, lookahead: i32) -> Vec<u8> {
    let skip = u64::try_from(lookahead).unwrap_or(0) * 48_000 / u64::from(rate.hz());
    let mut head = b"OpusHead\x01\x02".to_vec();
    head.extend_from_slice(&u16::try_from(skip).unwrap_or(0).to_le_bytes());
    head.extend_from_slice(&rate.hz().to_le_bytes());
    head.extend_from_slice(&[0, 0, 0]);
    head
}

fn tags() -> Vec<u8> {
    let vendor = concat!("voice-server ", env!("CARGO_PKG_VERSION"));
    let mut tags = b"OpusTags".to_vec();
    tags.extend_from_slice(&(vendor.len() as u32).to_le_bytes());
    tags.extend_from_slice(vendor.as_bytes());
    tags.extend_from_slice(&0_u32.to_le_bytes());
    tags
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::persist::recording::pages::duration_ms;
    use ogg::reading::PacketReader;
    use opus::Decoder;

    /// Both sides of a file, decoded.
    fn decoded(path: &Path, rate: SampleRate) -> Vec<i16> {
        let mut reader = PacketReader::new(File::open(path).unwrap());
        let mut decoder = Decoder::new(rate.hz(), Channels::Stereo).unwrap();
        let head = reader.read_packet().unwrap().unwrap();
        assert!(head.data.starts_with(b"OpusHead"));
        assert!(reader.read_packet().unwrap().unwrap().data.starts_with(b"OpusTags"));
        let mut all = Vec::new();
        while let Ok(Some(packet)) = reader.read_packet() {
            let mut frame = vec![0; 2 * 960];
            let samples = decoder.decode(&packet.data, &mut frame, false).unwrap();
            all.extend_from_slice(&frame[..samples * 2]);
        }
        all
    }

    fn energy(samples: impl Iterator<Item = i16>) -> f64 {
        samples.map(|sample| f64::from(sample).powi(2)).sum()
    }

    #[test]
    fn a_file_plays_and_keeps_the_sides_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("call.ogg");
        let rate = SampleRate::Hz16000;
        let mut file = OggOpusFile::create(&path, rate, 7).unwrap();
        let tone = |index: usize| ((index as f64 * 0.2).sin() * 9_000.0) as i16;
        let frame: Vec<_> = (0..320).flat_map(|index| [tone(index), 0]).collect();
        for _ in 0..124 {
            file.push(&frame).unwrap();
        }
        file.finish(&frame).unwrap();
        let both = decoded(&path, rate);
        assert_eq!(both.len(), 125 * 640);
        let (left, right) = (energy(both.iter().step_by(2).copied()), energy(both.iter().skip(1).step_by(2).copied()));
        assert!(left > 100.0 * right.max(1.0), "{left} {right}");
        assert_eq!(duration_ms(&std::fs::read(&path).unwrap()), Some(2_500));
    }

    #[test]
    fn a_file_that_was_never_ended_plays_up_to_its_last_page() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("call.ogg");
        let mut file = OggOpusFile::create(&path, SampleRate::Hz8000, 7).unwrap();
        for _ in 0..130 {
            file.push(&[100; 320]).unwrap();
        }
        // A process that dies does not unwind.
        std::mem::forget(file);
        assert_eq!(decoded(&path, SampleRate::Hz8000).len(), 100 * 320);
        assert_eq!(duration_ms(&std::fs::read(&path).unwrap()), Some(2_000));
    }
}
