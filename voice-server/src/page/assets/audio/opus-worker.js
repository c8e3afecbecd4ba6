// Opus in a worker: the browser hands each packet to its decoder only once the one before has come back, so that on the page's
// own thread every packet would wait behind all that the page does, and a busy page would fall ever further behind.
//
// Invariant: what is asked is done in order; whatever is told says how much has been read, and no more than READ_EVERY
// messages are read without it.
//
// Takes: encode {position, pcm}, decode {reply, position, payload}, clear {reply}, finish {reply, total}.
// Tells: ready, packet {position, payload}, samples {reply, position, pcm}, end {reply, samples}, failed {side, is_final} and
// read, each with `read`, how many messages were taken, and `refused`, how many frames and packets there was no room for.

import { OpusCodec } from "./opus-codec.js";

/** A second of one direction. */
const READ_EVERY = 50;

let read = 0;
let toldRead = 0;

function tell(message, ...given) {
  toldRead = read;
  postMessage({ ...message, read, refused: codec.refused }, given);
}

const codec = new OpusCodec({
  send: (position, payload) => tell({ type: "packet", position, payload }, payload.buffer),
  play: ({ reply, position, pcm }) => tell({ type: "samples", reply, position, pcm }, pcm.buffer),
  end: ({ reply, samples }) => tell({ type: "end", reply, samples }),
  fail: (side, isFinal) => tell({ type: "failed", side, is_final: isFinal }),
});

onmessage = ({ data }) => {
  read += 1;
  if (data.type === "encode") codec.encode(data.position, data.pcm);
  else if (data.type === "decode") codec.decode(data);
  else codec.control(data.type, data.reply, data.total);
  if (read - toldRead >= READ_EVERY) tell({ type: "read" });
};

tell({ type: "ready" });
