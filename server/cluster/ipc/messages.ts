import type { Claim, Claimed, ClusterMessage, Member, MemberId, MemberState } from "../cluster.ts";

/** The protocol between members and their host. Its number changes with anything below. */
export const clusterProtocol = "fanfare-cluster/2";

/** Messages from a member. */
export type MemberMessage =
  | { readonly verb: "join"; readonly state: MemberState }
  /** A heartbeat. */
  | { readonly verb: "beat"; readonly state: MemberState }
  | { readonly verb: "send"; readonly to: MemberId | "others"; readonly message: ClusterMessage }
  | { readonly verb: "claim"; readonly n: number; readonly claim: Claim }
  | { readonly verb: "release"; readonly key: string; readonly holder: string };

/** Messages from the host. `welcome` comes first and lists the other members. */
export type HostMessage =
  | { readonly verb: "welcome"; readonly id: MemberId; readonly others: readonly Member[] }
  | { readonly verb: "joined"; readonly member: Member }
  | { readonly verb: "left"; readonly id: MemberId }
  | { readonly verb: "state"; readonly member: Member }
  | { readonly verb: "message"; readonly from: MemberId; readonly message: ClusterMessage }
  | ({ readonly verb: "claimed"; readonly n: number } & Claimed);
