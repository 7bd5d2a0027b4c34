import { readFileSync } from "node:fs";
import { getLogger } from "@logtape/logtape";
import type { TLSOptions } from "bun";
import type { Clock } from "../lib/clock.ts";
import { type Certificate, endOf, readCertificate, serveOptions, type TlsSettings, tlsFiles } from "./certificate.ts";
import { FileWatch } from "./file-watch.ts";

const log = () => getLogger(["fanfare", "http"]);

/** Uses a new certificate. @throws Error if the listener cannot be opened with it */
type Use = (now: TLSOptions, before: TLSOptions) => void;

/**
 * The certificate of the server. It is read again when its files change. One that cannot be used, such as a new certificate
 * whose key has not been replaced yet, changes nothing.
 */
export class Certificates {
  readonly #settings: TlsSettings;
  readonly #clock: Clock;
  #current: Certificate;
  #use: Use = () => undefined;
  #watch: FileWatch | undefined;

  /** @throws Error that names the setting of a file that cannot be used */
  constructor(settings: TlsSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
    this.#current = read(settings);
  }

  get options(): TLSOptions {
    return serveOptions(this.#current, this.#settings);
  }

  /** From now on, changed files are used. */
  watch(use: Use): void {
    this.#use = use;
    this.#watch = new FileWatch(Object.values(tlsFiles(this.#settings)), () => this.reload(), this.#clock);
  }

  /** Never throws. Problems are logged. */
  reload(): void {
    try {
      const next = read(this.#settings);
      const { cert, key, clientCa } = this.#current;
      if (next.cert === cert && next.key === key && next.clientCa === clientCa) return;
      const before = this.options;
      this.#use(serveOptions(next, this.#settings), before);
      this.#current = next;
      log().info("New connections get the new certificate, which is valid until {end}", { end: endOf(next) });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const end = endOf(this.#current);
      log().error("The new certificate cannot be used: {reason}. The old one, valid until {end}, stays in use", {
        reason,
        end,
      });
    }
  }

  /** Idempotent. */
  close(): void {
    this.#watch?.close();
  }
}

function read(settings: TlsSettings): Certificate {
  const certificate = readCertificate(settings, (path) => readFileSync(path, "utf8"));
  if (certificate === undefined) throw new Error("TLS_CERT and TLS_KEY: both are needed");
  return certificate;
}
