/** The position in an acknowledgement or a delivery. */
export interface Place {
  readonly channel: string;
  readonly epoch: string;
  readonly offset: number;
}

/** The messages that a subscriber received in one channel, in order. */
export type Received =
  | { readonly kind: "message"; readonly epoch: string; readonly offset: number; readonly text: string }
  /** These offsets are missing. With a new epoch, so is everything undelivered of the previous one. */
  | { readonly kind: "gap"; readonly epoch: string; readonly from: number; readonly to: number };

export interface Verdict {
  readonly lost: number;
  readonly doubled: number;
  readonly gaps: number;
  readonly epochs: number;
  readonly faults: readonly string[];
}

/**
 * Compares what subscribers received with what was acknowledged to publishers: each acknowledged message must be delivered or
 * announced as missing, none delivered twice, and no position may belong to two messages.
 */
export function judge(
  acknowledged: ReadonlyMap<string, Place>,
  subscribers: readonly ReadonlyMap<string, readonly Received[]>[],
): Verdict {
  const texts = new Map<string, string>();
  const faults = new Set<string>();
  const epochs = new Map<string, Set<string>>();
  const name = ({ channel, epoch, offset }: Place, text: string): void => {
    const place = `${channel} ${epoch} ${offset}`;
    const known = texts.get(place);
    if (known !== undefined && known !== text) faults.add(`${place} names ${known} and ${text}`);
    texts.set(place, text);
    epochs.set(channel, (epochs.get(channel) ?? new Set()).add(epoch));
  };
  for (const [text, place] of acknowledged) name(place, text);
  let [lost, doubled, gaps] = [0, 0, 0];
  for (const subscriber of subscribers) {
    for (const [channel, received] of subscriber) {
      const delivered = new Set<string>();
      const announced: { epoch: string; from: number; to: number }[] = [];
      const been = new Set<string>();
      let hasChanged = false;
      let at: { epoch: string; offset: number } | undefined;
      for (const it of received) {
        if (it.kind === "gap") {
          gaps++;
          if (at !== undefined && it.epoch !== at.epoch) {
            hasChanged = true;
            announced.push({ epoch: at.epoch, from: at.offset + 1, to: Number.POSITIVE_INFINITY });
          } else if (at !== undefined && it.from !== at.offset + 1) {
            faults.add(`${channel}: a gap from ${it.from} at ${at.offset}`);
          }
          announced.push(it);
          been.add(it.epoch);
          at = { epoch: it.epoch, offset: it.to };
          continue;
        }
        const key = `${it.epoch} ${it.offset}`;
        if (delivered.has(key)) doubled++;
        delivered.add(key);
        if (at !== undefined && it.offset > at.offset + 1) {
          faults.add(`${channel}: ${it.offset} after ${at.offset} in ${it.epoch}, and no gap was announced`);
        }
        name({ channel, epoch: it.epoch, offset: it.offset }, it.text);
        been.add(it.epoch);
        at = { epoch: it.epoch, offset: Math.max(it.offset, at?.offset ?? 0) };
      }
      for (const place of acknowledged.values()) {
        if (place.channel !== channel || delivered.has(`${place.epoch} ${place.offset}`)) continue;
        const isAnnounced = announced.some(
          ({ epoch, from, to }) => epoch === place.epoch && from <= place.offset && place.offset <= to,
        );
        // A change from the first epoch to the third announces that everything in between may be missing.
        if (!isAnnounced && !(hasChanged && !been.has(place.epoch))) lost++;
      }
    }
  }
  const changed = Array.from(epochs.values(), ({ size }) => size - 1).reduce((sum, it) => sum + it, 0);
  return { lost, doubled, gaps, epochs: changed, faults: Array.from(faults).slice(0, 10) };
}
