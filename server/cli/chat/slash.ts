/** What a typed line asks for. */
export type Typed =
  | { readonly do: "say"; readonly text: string }
  | { readonly do: "quit" | "who" | "help" | "nothing" }
  | { readonly do: "join"; readonly channel: string }
  /** Without a channel: the one that is talked in. */
  | { readonly do: "leave"; readonly channel: string | undefined }
  | { readonly do: "complain"; readonly line: string };

/** What `/help` says. */
export const chatHelp = [
  "  /who              who is here",
  "  /join CHANNEL     listen to another channel, and talk there; /join all comes back",
  "  /leave [CHANNEL]  leave it again",
  "  /quit             leave (Ctrl+C and Ctrl+D too)",
  "  //text            says /text; everything else you type is said as it is",
] as const;

/** Understands a typed line. Words that begin with a slash are commands; two slashes are one that is meant. */
export function parseTyped(line: string): Typed {
  const text = line.trim();
  if (text === "") return { do: "nothing" };
  if (!text.startsWith("/")) return { do: "say", text: line };
  if (text.startsWith("//")) return { do: "say", text: text.slice(1) };
  const [word = "", channel, ...rest] = text.split(/\s+/);
  if (rest.length > 0)
    return { do: "complain", line: `${word}: expected one word behind it at most; /help lists the commands` };
  switch (word.toLowerCase()) {
    case "/quit":
    case "/exit":
      return { do: "quit" };
    case "/who":
      return { do: "who" };
    case "/help":
      return { do: "help" };
    case "/leave":
      return { do: "leave", channel };
    case "/join":
      return channel === undefined
        ? { do: "complain", line: "/join: say which channel: /join room:1" }
        : { do: "join", channel };
    default:
      return { do: "complain", line: `there is no ${word}: /help lists the commands` };
  }
}
