/** The first frame of each side of a link, and the only one whose format never changes. */
export interface Greeting {
  /** The protocol and its version: `fanfare-broker/1`. No spaces. */
  readonly protocol: string;
  /** The sender, for the other side's log: `worker 3`. */
  readonly name: string;
}

/** The longest greeting. Anything longer comes from another program. */
export const maxGreetingBytes = 512;

/** `fanfare-broker/1 worker 3` */
export function formatGreeting({ protocol, name }: Greeting): string {
  return `${protocol} ${name.slice(0, 100)}`;
}

/** Undefined for anything that is not a greeting. */
export function parseGreeting(text: string): Greeting | undefined {
  const [, protocol, name] = /^([\w.-]{1,100}\/[\w.-]{1,100}) (.*)$/s.exec(text) ?? [];
  return protocol === undefined || name === undefined ? undefined : { protocol, name };
}
