import { expect, test } from "bun:test";
import { parseTyped } from "./slash.ts";

test.each([
  ["Hi", { do: "say", text: "Hi" }],
  ["  Hi  there ", { do: "say", text: "  Hi  there " }],
  ["half / half", { do: "say", text: "half / half" }],
  ["//etc/hosts", { do: "say", text: "/etc/hosts" }],
  ["   ", { do: "nothing" }],
  ["/quit", { do: "quit" }],
  [" /QUIT ", { do: "quit" }],
  ["/exit", { do: "quit" }],
  ["/who", { do: "who" }],
  ["/help", { do: "help" }],
  ["/join room:1", { do: "join", channel: "room:1" }],
  ["/join", { do: "complain", line: "/join: say which channel: /join room:1" }],
  ["/leave", { do: "leave", channel: undefined }],
  ["/leave  room:1", { do: "leave", channel: "room:1" }],
  ["/join a b", { do: "complain", line: "/join: expected one word behind it at most; /help lists the commands" }],
  ["/nope", { do: "complain", line: "there is no /nope: /help lists the commands" }],
] as const)("%j is understood", (line, typed) => {
  expect(parseTyped(line)).toEqual(typed);
});
