/** The server of patient.ts, but it breaks the rule about cursors: sessions read up to the last message instead of the last flushed one. */
import { levelAtHead } from "../../delivery/level-at-head.ts";

levelAtHead();
await import("./patient.ts");
