import { bytes, choice, duration, list, type OptionsOf, text, toggle, whole } from "../lib/option.ts";

/** Signatures say who calls, so a URL needs no user and password, which proxies and logs would show. */
const url = {
  pattern: /^https?:\/\/[^\s/@?#]+(?:[/?#][^\s]*)?$/,
  rule: "a URL such as https://app.example.com/fanfare, without a user or password",
};

/** The events that webhooks can report. */
export const webhookTypes = [
  "connected",
  "disconnected",
  "joined",
  "left",
  "occupied",
  "vacated",
  "published",
] as const;

export const hookOptions = {
  connectHookUrl: text(undefined, "URL of your application that decides about each new connection.", url),
  subscribeHookUrl: text(
    undefined,
    "URL of your application that decides who may subscribe to channels with the rule `subscribe: hook`.",
    url,
  ),
  hookSecret: list(
    [],
    "Secrets that sign requests to your application: `whsec_` and 24 to 64 bytes in base64. With two secrets, separated by a comma, each request has both signatures, so that you can replace one.",
    { isSecret: true, orFile: true },
  ),
  hookTimeout: duration(3000, "How long the application may take to answer a connect or subscribe hook.", {
    min: 100,
    max: 60_000,
  }),
  hookFailure: choice(
    "refuse",
    "What happens if the application does not answer a connect or subscribe hook: `refuse` (clients retry) or `allow`.",
    { choices: ["refuse", "allow"] },
  ),
  hookPrivateAddresses: toggle(
    { open: true, secured: false },
    "Whether hooks and webhooks may be sent to loopback, private and other addresses that are not public.",
  ),
  webhookUrl: text(undefined, "URL of your application that receives webhooks.", url),
  webhookEvents: list(
    webhookTypes.filter((type) => type !== "published"),
    "Events that are sent: `connected`, `disconnected`; `joined`, `left` (a connection, in a channel); `occupied`, `vacated` (the first connection enters a channel, the last one leaves it); `published`.",
    { pattern: new RegExp(`^(${webhookTypes.join("|")})$`), rule: webhookTypes.join(", ") },
  ),
  webhookChannels: list(
    ["*"],
    "Channels whose events are sent: names, or prefixes followed by `*`. `*` includes neither `all` nor the channels of users: add `all`, `@*`.",
    { pattern: /^[^\s\p{Cc}*,#$][^\s\p{Cc}*,]{0,199}\*?$|^\*$/u, rule: "patterns such as room:* or *" },
  ),
  webhookTimeout: duration(10_000, "How long the application may take to accept a webhook.", { min: 100, max: 60_000 }),
  webhookRetryTime: duration(
    600_000,
    "How long a webhook is retried before it is dropped. Later webhooks of the same channel wait until then.",
  ),
  webhookQueueSize: whole(
    10_000,
    "Webhooks that each process keeps until they are accepted. When it has more, new ones are dropped.",
    {
      min: 1,
      max: 1_000_000,
    },
  ),
  webhookQueueBytes: bytes(16 * 1024 ** 2, "The same in bytes.", { min: 1024 }),
};

export type HookOptions = OptionsOf<typeof hookOptions>;
