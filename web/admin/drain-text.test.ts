import { expect, test } from "bun:test";
import { type DrainReport, progressText } from "./drain-text.ts";

const running: DrainReport = {
  status: "running",
  phase: "running",
  remaining: 0,
  closed: { left: 0, moved: 0, forced: 0 },
  deadline_s: 0,
};

test.each<[string, Partial<DrainReport>, string]>([
  ["without a reload", {}, "The server is running."],
  [
    "while a reload moves clients",
    { remaining: 12, roll: { number: 1, phase: "moving", message: "moving the clients" } },
    "Reload 1 (moving): moving the clients. 12 connections remain; 0 left, 0 were moved, 0 were closed at the deadline.",
  ],
  [
    "after a reload that failed",
    { roll: { number: 2, phase: "failed", message: "worker 3 did not start" } },
    "Reload 2 (failed): worker 3 did not start.",
  ],
  [
    "while the server shuts down",
    { status: "draining", phase: "waiting", remaining: 3, closed: { left: 4, moved: 0, forced: 0 }, deadline_s: 90 },
    "Shutting down (waiting), at most 90 s more. 3 connections remain; 4 left, 0 were moved, 0 were closed at the deadline.",
  ],
])("the progress %s", (_, more, text) => {
  expect(progressText({ ...running, ...more })).toBe(text);
});
