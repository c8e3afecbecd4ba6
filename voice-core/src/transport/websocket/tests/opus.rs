//! Replies and callers in Opus.

use super::*;

#[test]
fn opus_conceals_what_was_lost_and_a_short_frame_becomes_a_whole_packet() {
    let mut line = Opened::new(Encoding::Opus, 16_000, WebSocketLimits::default());
    let mut packets = Vec::new();
    for at in 0..5 {
        let samples = if at == 4 { &[0; 100][..] } else { &[0; 320][..] };
        line.sink.send_audio(ReplyId(1), &Frame::new(Position(at * 320), samples)).unwrap();
        assert!(line.drive().is_none());
        let Some(WireMessage::Binary(message)) = line.client.receive() else { panic!("no audio") };
        packets.push(message.slice(16..));
    }
    line.client.send_pcm(0, &packets[0]);
    line.client.send_pcm(960, &packets[3]);
    line.client.send_pcm(1_280, &packets[4]);
    line.client.send_pcm(1_600, b"");
    line.client.send_pcm(64_000, &packets[0]);
    let spans = std::iter::from_fn(|| match line.next() {
        Some(Some(Ok(LineInput::Audio(frame)))) => Some((frame.position().0, frame.end().0)),
        _ => None,
    });
    let expected = [(0, 320), (320, 640), (640, 960), (960, 1_280), (1_280, 1_600), (64_000, 64_320)];
    assert_eq!(spans.collect::<Vec<_>>(), expected);
    assert_eq!(line.codes(), [ErrorCode::MalformedAudio]);
}

/// What a client decodes that begins anew with each reply, of each message; and how often `audio_end` came.
fn decoded_replies(line: &mut Opened) -> (Vec<(u32, u64, Vec<i16>)>, usize) {
    let (mut decoder, mut last) = (crate::audio::OpusDecoder::new(SampleRate::Hz16000).unwrap(), None);
    let (mut audio, mut ends) = (Vec::new(), 0);
    while line.drive().is_none() {
        match line.client.receive() {
            Some(WireMessage::Binary(message)) => {
                let (header, packet) = AudioHeader::read(&message).unwrap();
                let AudioHeader::Agent { reply, position } = header else { panic!("{header:?}") };
                if last.replace(reply) != Some(reply) {
                    decoder.restart().unwrap();
                }
                let mut samples = Vec::new();
                decoder.decode(packet, &mut samples).unwrap();
                audio.push((reply.0, position.0, samples));
            }
            Some(WireMessage::Text(text)) => ends += usize::from(text.contains("audio_end")),
            _ => break,
        }
    }
    (audio, ends)
}

#[test]
fn an_opus_reply_comes_whole_and_nothing_of_it_is_in_the_next() {
    let mut line = Opened::new(Encoding::Opus, 16_000, WebSocketLimits::default());
    let loud: Vec<i16> = (0..320).map(|n| if n % 20 < 10 { 12_000 } else { -12_000 }).collect();
    let send = |line: &mut Opened, reply, position, samples: &[i16]| {
        line.sink.send_audio(ReplyId(reply), &Frame::new(Position(position), samples)).unwrap();
    };
    let end = |line: &mut Opened, reply, total_samples| {
        line.sink.send_control(LineControl::End { reply: ReplyId(reply), total_samples }).unwrap();
    };
    let loudest = |samples: &[i16]| samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0);
    let lookahead = 104;

    // Whole frames are followed by a packet with what the encoder still had.
    (0..3).for_each(|at| send(&mut line, 1, at * 320, &loud));
    end(&mut line, 1, 960);
    let (audio, ends) = decoded_replies(&mut line);
    assert_eq!((audio.iter().map(|(_, at, _)| *at).collect::<Vec<_>>(), ends), (vec![0, 320, 640, 960], 1));
    assert!(loudest(&audio[3].2[..lookahead]) > 6_000, "the last sound of the reply");

    // Cleared, a reply leaves nothing to the next one, and has no rest; a frame that is filled up needs none.
    (0..3).for_each(|at| send(&mut line, 2, at * 320, &loud));
    decoded_replies(&mut line);
    line.sink.send_control(LineControl::Clear { reply: ReplyId(2) }).unwrap();
    end(&mut line, 2, 960);
    send(&mut line, 3, 0, &[0; 320]);
    send(&mut line, 3, 320, &[0; 200]);
    end(&mut line, 3, 520);
    let (audio, ends) = decoded_replies(&mut line);
    assert_eq!(
        (audio.iter().map(|(reply, at, _)| (*reply, *at)).collect::<Vec<_>>(), ends),
        (vec![(3, 0), (3, 320)], 2)
    );
    assert!(audio.iter().all(|(_, _, samples)| loudest(samples) < 50), "{audio:?}");
}
