/** The patient server, but for the law of cursors: sessions read up to what came last instead of what was flushed. */
import { levelAtHead } from "../../delivery/level-at-head.ts";

levelAtHead();
await import("./patient.ts");
