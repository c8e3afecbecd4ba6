use super::*;
use proptest::prelude::*;
use std::f32::consts::TAU;

const RATES: [SampleRate; 4] = [SampleRate::Hz8000, SampleRate::Hz16000, SampleRate::Hz24000, SampleRate::Hz48000];

/// Harmonics of a gliding pitch, in syllables: what a voice codec expects.
fn voice(rate: SampleRate, frames: usize) -> Vec<i16> {
    let mut phase = 0.0_f32;
    let samples = rate.samples_in_ms(FRAME_MS) as usize * frames;
    let value = |n: usize| {
        let seconds = n as f32 / rate.hz() as f32;
        phase += (150.0 + 50.0 * (seconds * TAU * 1.5).sin()) / rate.hz() as f32;
        let syllable = 0.6 + 0.4 * (seconds * TAU * 4.0).sin();
        let harmonics: f32 = (1..=12).map(|k| (phase * TAU * k as f32).sin() / k as f32).sum();
        (harmonics * syllable * 6_000.0) as i16
    };
    (0..samples).map(value).collect()
}

fn encode(rate: SampleRate, samples: &[i16]) -> Vec<Vec<u8>> {
    let mut encoder = OpusEncoder::new(rate, &OpusConfig::default()).expect("the default configuration");
    let frames = samples.chunks_exact(rate.samples_in_ms(FRAME_MS) as usize);
    let packets = frames.map(|frame| {
        let mut packet = Vec::new();
        encoder.encode(frame, &mut packet).expect("a whole frame");
        packet
    });
    packets.collect()
}

fn distance(left: &[i16], right: &[i16]) -> f64 {
    assert_eq!(left.len(), right.len());
    left.iter().zip(right).map(|(l, r)| f64::from(i32::from(*l) - i32::from(*r)).powi(2)).sum::<f64>()
}

#[test]
fn a_voice_comes_back_at_the_stated_lag() {
    for rate in RATES {
        let input = voice(rate, 50);
        let lag = OpusEncoder::new(rate, &OpusConfig::default()).expect("the default").lookahead_samples();
        assert_eq!(lag as u64 * 2, rate.samples_in_ms(13), "what the protocol says of {rate:?}");
        let mut decoder = OpusDecoder::new(rate).expect("a decoder");
        let mut output = Vec::new();
        for packet in encode(rate, &input) {
            assert!(packet.len() <= 120, "{} bytes for 20 ms at 24 kbit/s", packet.len());
            decoder.decode(&packet, &mut output).expect("its own packet");
        }
        assert_eq!(output.len(), input.len());
        // The first frames are the codec's settling in.
        let settled = input.len() / 5;
        let length = input.len() - settled - lag - 200;
        let original = &input[settled..settled + length];
        let error_at = |shift: usize| distance(original, &output[settled + shift..settled + shift + length]);
        let best = (0..lag + 200).min_by(|a, b| error_at(*a).total_cmp(&error_at(*b))).expect("some lag");
        let tolerance = rate.samples_in_ms(1) as usize;
        assert!(best.abs_diff(lag) <= tolerance, "lag {best}, stated {lag} at {rate:?}");
        let snr = 10.0 * (distance(original, &vec![0; length]) / error_at(best)).log10();
        assert!(snr > 5.0, "{snr:.1} dB at {rate:?}");
    }
}

#[test]
fn a_lost_frame_is_concealed_and_better_recovered_from_the_next_packet() {
    for rate in RATES {
        let packets = encode(rate, &voice(rate, 60));
        let (mut concealed_error, mut recovered_error) = (0.0, 0.0);
        for lost in [20, 27, 33, 41, 50] {
            let intact = decode_with_loss(rate, &packets[..=lost], None, Loss::Conceal);
            let frame = intact.len() - rate.samples_in_ms(FRAME_MS) as usize..intact.len();
            for (loss, error) in [(Loss::Conceal, &mut concealed_error), (Loss::Recover, &mut recovered_error)] {
                let patched = decode_with_loss(rate, &packets[..lost + 2], Some(lost), loss);
                assert_eq!(patched.len(), intact.len() + frame.len());
                *error += distance(&intact[frame.clone()], &patched[frame.clone()]);
            }
        }
        assert!(
            recovered_error < concealed_error * 0.7,
            "{rate:?}: recovered {recovered_error:.0}, concealed {concealed_error:.0}"
        );
    }
}

#[derive(Clone, Copy)]
enum Loss {
    Conceal,
    Recover,
}

fn decode_with_loss(rate: SampleRate, packets: &[Vec<u8>], lost: Option<usize>, loss: Loss) -> Vec<i16> {
    let mut decoder = OpusDecoder::new(rate).expect("a decoder");
    let mut output = Vec::new();
    for (at, packet) in packets.iter().enumerate() {
        match loss {
            _ if lost != Some(at) => decoder.decode(packet, &mut output),
            Loss::Conceal => decoder.conceal(&mut output),
            Loss::Recover => decoder.recover(&packets[at + 1], &mut output),
        }
        .expect("a valid packet");
    }
    output
}

#[test]
fn an_encoder_that_begins_anew_holds_nothing_of_what_came_before() {
    let rate = SampleRate::Hz48000;
    let mut encoder = OpusEncoder::new(rate, &OpusConfig::default()).expect("the default");
    let mut packets = [Vec::new(), Vec::new()];
    for packet in &mut packets {
        for frame in voice(rate, 10).chunks_exact(960) {
            packet.clear();
            encoder.encode(frame, packet).expect("a whole frame");
        }
        encoder.restart().expect("a new beginning");
        packet.clear();
        encoder.encode(&[0; 960], packet).expect("a whole frame");
    }
    assert_eq!(packets[0], packets[1]);
    let (mut decoder, mut samples) = (OpusDecoder::new(rate).expect("a decoder"), Vec::new());
    decoder.decode(&encode(rate, &voice(rate, 10))[9], &mut samples).expect("a packet");
    decoder.restart().expect("a new beginning");
    samples.clear();
    decoder.decode(&packets[0], &mut samples).expect("its packet");
    assert!(samples.iter().all(|sample| sample.unsigned_abs() < 10), "silence");
}

#[test]
fn concealment_fades_a_loss_that_goes_on_to_silence() {
    let rate = SampleRate::Hz16000;
    let mut decoder = OpusDecoder::new(rate).expect("a decoder");
    let mut output = Vec::new();
    for packet in encode(rate, &voice(rate, 20)) {
        decoder.decode(&packet, &mut output).expect("its own packet");
    }
    output.clear();
    (0..50).for_each(|_| decoder.conceal(&mut output).expect("concealment"));
    assert_eq!(output.len(), 50 * 320);
    let loudest = |samples: &[i16]| samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0);
    assert!(loudest(&output[..320]) > 1_000);
    assert!(loudest(&output[49 * 320..]) < 100);
}

#[test]
fn what_is_no_packet_is_an_error_and_appends_nothing() {
    let mut decoder = OpusDecoder::new(SampleRate::Hz48000).expect("a decoder");
    let mut samples = vec![1, 2, 3];
    // Code 3 with a frame count of 0 is forbidden (RFC 6716, requirement R5).
    let corrupt = decoder.decode(&[0x03, 0x00], &mut samples);
    assert!(matches!(corrupt, Err(OpusError::Corrupt { .. })), "{corrupt:?}");
    assert_eq!(decoder.decode(&[], &mut samples), Err(OpusError::EmptyPacket));
    assert_eq!(decoder.recover(&[], &mut samples), Err(OpusError::EmptyPacket));
    let long = vec![0; MAX_OPUS_PACKET_BYTES + 1];
    assert_eq!(decoder.decode(&long, &mut samples), Err(OpusError::PacketTooLong { bytes: long.len() }));
    assert_eq!(samples, [1, 2, 3]);
}

#[test]
fn a_frame_of_another_length_is_refused() {
    let mut encoder = OpusEncoder::new(SampleRate::Hz16000, &OpusConfig::default()).expect("the default");
    let mut packet = vec![9];
    let refused = encoder.encode(&[0; 160], &mut packet);
    assert_eq!(refused, Err(OpusError::FrameLength { samples: 160, expected: 320 }));
    assert_eq!(packet, [9]);
}

#[test]
fn a_configuration_out_of_range_is_refused() {
    let config = OpusConfig { complexity: 11, ..OpusConfig::default() };
    let refused = OpusEncoder::new(SampleRate::Hz16000, &config).map(|_| ());
    assert!(matches!(refused, Err(OpusError::Codec { .. })), "{refused:?}");
}

proptest! {
    #[test]
    fn any_bytes_decode_or_are_an_error(packet in prop::collection::vec(any::<u8>(), 0..MAX_OPUS_PACKET_BYTES + 9)) {
        let mut decoder = OpusDecoder::new(SampleRate::Hz48000).expect("a decoder");
        let mut samples = Vec::new();
        let decoded = decoder.decode(&packet, &mut samples);
        prop_assert_eq!(decoded.is_ok(), !samples.is_empty());
        prop_assert!(samples.len() <= 5_760);
        let _either = decoder.recover(&packet, &mut samples);
        prop_assert!(decoder.conceal(&mut samples).is_ok());
    }
}
