import { choice, duration, list, type OptionsOf, text, toggle } from "../lib/option.ts";

/** Signatures say who calls, so a URL needs no user and password, which proxies and logs would show. */
const url = {
  pattern: /^https?:\/\/[^\s/@?#]+(?:[/?#][^\s]*)?$/,
  rule: "a URL such as https://app.example.com/fanfare, without a user or password",
};

export const hookOptions = {
  connectHookUrl: text(
    undefined,
    "URL of your application that is asked, for each new connection, whether it may connect.",
    url,
  ),
  subscribeHookUrl: text(
    undefined,
    "URL of your application that is asked who may subscribe to the channels whose rule says `subscribe: hook`.",
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
};

export type HookOptions = OptionsOf<typeof hookOptions>;
