/** The server cannot listen on OPS_PORT. The message is shown to the user. */
export class UnusableOpsPort extends Error {
  override readonly name = "UnusableOpsPort";

  constructor({ host, port }: { readonly host: string; readonly port: number }, cause: unknown) {
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    const reasons: Readonly<Record<string, string>> = {
      EADDRINUSE: `port ${port} on ${host} is already in use; choose another port`,
      EACCES: `no permission to listen on port ${port}: use one above 1023`,
      EADDRNOTAVAIL: `this machine does not have the address ${host}: change HOST`,
    };
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`OPS_PORT: ${reasons[String(code)] ?? `cannot listen on port ${port} of ${host}: ${reason}`}`, { cause });
  }
}
