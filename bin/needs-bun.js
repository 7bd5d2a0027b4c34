// What `import "fanfare"` finds in a runtime other than Bun.
throw new Error(
  "The server of the package `fanfare` runs on Bun: run this program with `bun`, or start the server with `npx fanfare start`. " +
    "The SDK runs in Node: import it from `fanfare/client` or `@fanfare/client`.",
);
