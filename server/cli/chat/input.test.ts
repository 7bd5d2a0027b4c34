import { expect, test } from "bun:test";
import { parseChatInput } from "./input.ts";

test.each([
  ["Hi", { kind: "text", text: "Hi" }],
  ["  Hi  there ", { kind: "text", text: "  Hi  there " }],
  ["half / half", { kind: "text", text: "half / half" }],
  ["//etc/hosts", { kind: "text", text: "/etc/hosts" }],
  ["   ", { kind: "empty" }],
  ["/quit", { kind: "quit" }],
  [" /QUIT ", { kind: "quit" }],
  ["/exit", { kind: "quit" }],
  ["/who", { kind: "who" }],
  ["/help", { kind: "help" }],
  ["/join room:1", { kind: "join", channel: "room:1" }],
  ["/join", { kind: "invalid", problem: "/join: expected a channel, such as /join room:1" }],
  ["/leave", { kind: "leave", channel: undefined }],
  ["/leave  room:1", { kind: "leave", channel: "room:1" }],
  ["/join a b", { kind: "invalid", problem: "/join: expected at most one argument; /help lists the commands" }],
  ["/nope", { kind: "invalid", problem: "unknown command /nope; /help lists the commands" }],
] as const)("parses %j", (line, input) => {
  expect(parseChatInput(line)).toEqual(input);
});
