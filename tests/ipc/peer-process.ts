import { connectLink } from "../../server/lib/link/sockets.ts";

/** A process for the tests of links, so that there is one to be killed: says one text, then lives on. */
const [, , path = ""] = process.argv;
const link = await connectLink(path, { protocol: "test/1", name: "child" }, (it) => ({
  onOpen: () => it.send("here"),
  onText: () => {},
  onClose: () => process.exit(1),
}));
setInterval(() => link.send("still here"), 1000);
