const { labelPlace } = await module("view/timeline.js");

const free = () => [-1e9, -1e9];

// A label stands right of its mark, or left of it where the picture would cut it.
assertEqual(labelPlace(free(), 100, 60, 328), { left: 104, row: 0 });
assertEqual(labelPlace(free(), 264, 60, 328), { left: 268, row: 0 });
assertEqual(labelPlace(free(), 265, 60, 328), { left: 201, row: 0 });
assertEqual(labelPlace(free(), 328, 60, 328), { left: 264, row: 0 });
assertEqual(labelPlace(free(), 30, 60, 50), null);

// Wherever marks are, no label is cut, and none covers another of its row.
for (const width of [328, 900]) {
  for (let step = 3; step < 120; step += 7) {
    const rows = free();
    const placed = [];
    for (let at = 0; at <= width; at += step) {
      const place = labelPlace(rows, at, 55, width);
      if (place) placed.push(place);
    }
    assert(placed.length > 0 && placed.every(({ left }) => left >= 0 && left + 55 <= width), width, step, "none is cut");
    for (const row of [0, 1]) {
      const lefts = placed.filter((place) => place.row === row).map(({ left }) => left);
      assert(lefts.slice(1).every((left, i) => left >= lefts[i] + 55), width, step, row, "none covers another");
    }
    assert(width === 900 || placed.every(({ row }) => row === 0), "a narrow picture has one row");
  }
}
