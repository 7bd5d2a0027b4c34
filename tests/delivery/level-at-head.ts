import { ListenedChannel } from "../../server/delivery/listened-channel.ts";
import { Tail } from "../../server/delivery/tail.ts";
import type { Push } from "../../server/session/push.ts";

/**
 * Until it is disposed of, sessions read up to the last message instead of up to the last flushed one, so including the
 * messages that wait for the next flush. The classes have no switch for that, so their methods are replaced.
 */
export function levelAtHead(): Disposable {
  const { append, flush, read } = Tail.prototype;
  const flushed = Object.getOwnPropertyDescriptor(ListenedChannel.prototype, "flushed") ?? {};
  const waiting = new WeakMap<Tail, Push[]>();
  Tail.prototype.append = function (push) {
    waiting.set(this, [...(waiting.get(this) ?? []), push]);
    append.call(this, push);
  };
  Tail.prototype.flush = function () {
    waiting.delete(this);
    return flush.call(this);
  };
  Tail.prototype.read = function (name, after, maxBytes) {
    const pending = (waiting.get(this) ?? []).filter(({ publication }) => publication.offset > after);
    const kept = read.call(this, name, after, maxBytes);
    return kept === undefined ? undefined : [...kept, ...pending];
  };
  Object.defineProperty(ListenedChannel.prototype, "flushed", {
    configurable: true,
    get(this: ListenedChannel) {
      return this.tail.head;
    },
  });
  return {
    [Symbol.dispose]: () => {
      Object.assign(Tail.prototype, { append, flush, read });
      Object.defineProperty(ListenedChannel.prototype, "flushed", flushed);
    },
  };
}
