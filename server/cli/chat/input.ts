/** A typed line, parsed. */
export type ChatInput =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "quit" | "who" | "help" | "empty" }
  | { readonly kind: "join"; readonly channel: string }
  /** Without a channel: the current one. */
  | { readonly kind: "leave"; readonly channel: string | undefined }
  | { readonly kind: "invalid"; readonly problem: string };

/** What `/help` says. */
export const chatHelp = [
  "  /who              list who is in the current channel",
  "  /join CHANNEL     join a channel and send what you type there; /join all switches back",
  "  /leave [CHANNEL]  leave a channel (default: the current one)",
  "  /quit             leave the chat (also Ctrl+C and Ctrl+D)",
  "  //text            send /text; anything else you type is sent as it is",
] as const;

/** Parses a typed line. A leading slash marks a command; two slashes stand for a literal one. */
export function parseChatInput(line: string): ChatInput {
  const text = line.trim();
  if (text === "") return { kind: "empty" };
  if (!text.startsWith("/")) return { kind: "text", text: line };
  if (text.startsWith("//")) return { kind: "text", text: text.slice(1) };
  const [word = "", channel, ...rest] = text.split(/\s+/);
  if (rest.length > 0)
    return { kind: "invalid", problem: `${word}: expected at most one argument; /help lists the commands` };
  switch (word.toLowerCase()) {
    case "/quit":
    case "/exit":
      return { kind: "quit" };
    case "/who":
      return { kind: "who" };
    case "/help":
      return { kind: "help" };
    case "/leave":
      return { kind: "leave", channel };
    case "/join":
      return channel === undefined
        ? { kind: "invalid", problem: "/join: expected a channel, such as /join room:1" }
        : { kind: "join", channel };
    default:
      return { kind: "invalid", problem: `unknown command ${word}; /help lists the commands` };
  }
}
