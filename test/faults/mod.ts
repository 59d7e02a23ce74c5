import type { Experiment } from "./experiment.ts";
import { backlog } from "./experiments/backlog.ts";
import { bitFlips } from "./experiments/bit_flips.ts";
import { brokerFaults } from "./experiments/broker_faults.ts";
import { clockSteps } from "./experiments/clock_steps.ts";
import { diskFull } from "./experiments/disk_full.ts";
import { failingCalls } from "./experiments/failing_calls.ts";
import { forgetfulBroker } from "./experiments/forgetful_broker.ts";
import { hangs } from "./experiments/hangs.ts";
import { kill9 } from "./experiments/kill_9.ts";
import { leaderChange } from "./experiments/leader_change.ts";
import { lostAcknowledgement } from "./experiments/lost_acknowledgement.ts";
import { networkFlaps } from "./experiments/network_flaps.ts";
import { ownCap } from "./experiments/own_cap.ts";
import { powerCut } from "./experiments/power_cut.ts";
import { sigterm } from "./experiments/sigterm.ts";
import { transactionTimeout } from "./experiments/transaction_timeout.ts";

/** Every experiment, in the order of its number. */
export const experiments: readonly Experiment[] = [
  kill9,
  powerCut,
  diskFull,
  ownCap,
  failingCalls,
  bitFlips,
  lostAcknowledgement,
  brokerFaults,
  forgetfulBroker,
  backlog,
  networkFlaps,
  clockSteps,
  hangs,
  sigterm,
  leaderChange,
  transactionTimeout,
];
