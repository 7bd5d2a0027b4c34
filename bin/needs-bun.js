// What `import "fanfare"` finds in a runtime other than Bun. It has the names of server/index.ts, because a missing one would be a
// SyntaxError before this file runs.
export const BroadcastClient = undefined;
export const BroadcastServer = undefined;

throw new Error(
  "The server of the package `fanfare` runs on Bun: run this program with `bun`, or start the server with `npx fanfare start`. " +
    "The SDK runs in Node: import it from `fanfare/client` or `@fanfare/client`.",
);
