import { describe, expect, test } from "bun:test";
import { MovedClock } from "../moved-clock.ts";
import { Pulse } from "./pulse.ts";

function startPulse() {
  const clock = new MovedClock();
  const story: string[] = [];
  const pulse = new Pulse(
    { clock, beatMs: 1000, maxSilentBeats: 3 },
    {
      onBeat: (hasSpoken) => {
        story.push(hasSpoken ? "spoke" : "quiet");
        pulse.written(); // as a link does with its own beat
      },
      onSilence: (ms) => story.push(`silent for ${ms}`),
    },
  );
  return { clock, story, pulse };
}

describe("a pulse", () => {
  test("ends after several beats in a row without a message from the other side", () => {
    const { clock, story, pulse } = startPulse();
    clock.move(2500);
    pulse.received();
    clock.move(500);
    expect(story).toEqual(["quiet", "quiet", "quiet"]);
    clock.move(10_000);
    expect(story.slice(3)).toEqual(["quiet", "quiet", "silent for 3000"]);
  });

  test("never ends while the other side sends messages", () => {
    const { clock, story, pulse } = startPulse();
    for (let beat = 0; beat < 20; beat++) {
      pulse.received();
      clock.move(1000);
    }
    expect(story).toHaveLength(20);
    expect(story).not.toContain("silent for 3000");
  });

  test("knows whether this side has sent anything since the last beat", () => {
    const { clock, story, pulse } = startPulse();
    pulse.written();
    clock.move(1000);
    clock.move(1000);
    pulse.written();
    pulse.received();
    clock.move(1000);
    expect(story).toEqual(["spoke", "quiet", "spoke"]);
  });

  test("has no more effect once it is stopped", () => {
    const { clock, story, pulse } = startPulse();
    pulse.stop();
    clock.move(10_000);
    expect(story).toEqual([]);
  });
});
