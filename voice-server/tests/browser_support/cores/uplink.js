// When a line is said to be too slow for the caller's voice, by the time of the audio.
const { Uplink } = await module("call/uplink.js");

const RATE = 24_000;
const FRAME = 480;
const told = [];
const uplink = new Uplink(RATE, (isFull) => told.push(isFull));
const takes = (ms) => {
  for (let left = (ms / 1000) * RATE; left > 0; left -= FRAME) uplink.took(FRAME);
};

// It is said once, however much is refused, and is over once three seconds in a row were taken.
takes(10_000);
uplink.refused();
for (let times = 0; times < 5; times += 1) {
  takes(2_980);
  uplink.refused();
}
assertEqual([told, uplink.dropped], [[true], 6]);
takes(3_000);
assertEqual(told, [true, false]);
takes(3_000);
uplink.forget();
assertEqual(told, [true, false]);

// Of another line nothing is known.
uplink.refused();
uplink.forget();
assertEqual([told, uplink.dropped], [[true, false, true, false], 7]);
uplink.refused();
assertEqual(told.at(-1), true);
