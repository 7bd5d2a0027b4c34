import type { Claim, Claimed, ClusterMessage, Member, MemberId, MemberState } from "../cluster.ts";

/** What members and their host speak; the number changes with anything below. */
export const clusterProtocol = "fanfare-cluster/1";

/** What a member says. */
export type MemberMessage =
  | { readonly verb: "join"; readonly state: MemberState }
  /** A heartbeat. */
  | { readonly verb: "beat"; readonly state: MemberState }
  | { readonly verb: "send"; readonly to: MemberId | "others"; readonly message: ClusterMessage }
  | { readonly verb: "claim"; readonly n: number; readonly claim: Claim }
  | { readonly verb: "release"; readonly key: string; readonly holder: string };

/** What the host says. `seated` comes first, and tells of those who were there. */
export type HostMessage =
  | { readonly verb: "seated"; readonly id: MemberId; readonly others: readonly Member[] }
  | { readonly verb: "joined"; readonly member: Member }
  | { readonly verb: "left"; readonly id: MemberId }
  | { readonly verb: "state"; readonly member: Member }
  | { readonly verb: "message"; readonly from: MemberId; readonly message: ClusterMessage }
  | ({ readonly verb: "claimed"; readonly n: number } & Claimed);
