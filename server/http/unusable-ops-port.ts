/** OPS_PORT cannot be listened on; the message is for a person. */
export class UnusableOpsPort extends Error {
  override readonly name = "UnusableOpsPort";

  constructor({ host, port }: { readonly host: string; readonly port: number }, cause: unknown) {
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    const reasons: Readonly<Record<string, string>> = {
      EADDRINUSE: "is in use: choose another one",
      EACCES: "may not be listened on by this user: try one above 1023",
      EADDRNOTAVAIL: "is no address of this machine: see HOST",
    };
    const reason = reasons[String(code)] ?? `cannot be listened on: ${cause instanceof Error ? cause.message : cause}`;
    super(`OPS_PORT: port ${port} of ${host} ${reason}`, { cause });
  }
}
