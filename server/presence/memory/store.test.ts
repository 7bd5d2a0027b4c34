import { presenceConformance } from "../../../tests/conformance/presence.ts";
import { MovedClock } from "../../lib/moved-clock.ts";
import { MemoryPresence } from "./store.ts";

const impossible = () => Promise.reject(new Error("a server of one process loses its presences only with its clients"));

presenceConformance({
  name: "the presences of one process",
  workers: "one",
  make: async () => ({
    make: () => new MemoryPresence(new MovedClock()),
    kill: impossible,
    cut: impossible,
    lose: impossible,
    close: async () => undefined,
  }),
});
