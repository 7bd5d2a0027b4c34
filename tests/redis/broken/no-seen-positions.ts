/** Disables the second defence: a worker that has seen more than Redis does not report this when it asks for tops. */
import { RedisBroker } from "../../../server/broker/redis/broker.ts";

const { tops } = RedisBroker.prototype;
RedisBroker.prototype.tops = function (channels) {
  return tops.call(this, channels);
};
