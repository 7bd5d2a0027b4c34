import { connectLink } from "../../server/lib/link/sockets.ts";

/** A process for the tests of links, so that a test can kill it: it sends one text, then keeps running. */
const [, , path = ""] = process.argv;
const link = await connectLink(path, { protocol: "test/1", name: "child" }, (it) => ({
  onOpen: () => it.send("here"),
  onText: () => {},
  onClose: () => process.exit(1),
}));
setInterval(() => link.send("still here"), 1000);
