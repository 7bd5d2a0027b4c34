/** How two ends of a link greet each other: the first frame of each side, and the only one whose form never changes. */
export interface Greeting {
  /** What is spoken, with its version: `fanfare-broker/1`. No spaces. */
  readonly protocol: string;
  /** Who speaks, for the other side's log: `worker 3`. */
  readonly name: string;
}

/** Nobody's greeting is longer: what is comes from somebody else. */
export const maxGreetingBytes = 512;

/** `fanfare-broker/1 worker 3` */
export function formatGreeting({ protocol, name }: Greeting): string {
  return `${protocol} ${name.slice(0, 100)}`;
}

/** Undefined for what is no greeting at all. */
export function parseGreeting(text: string): Greeting | undefined {
  const [, protocol, name] = /^([\w.-]{1,100}\/[\w.-]{1,100}) (.*)$/s.exec(text) ?? [];
  return protocol === undefined || name === undefined ? undefined : { protocol, name };
}
