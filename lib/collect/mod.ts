/**
 * Collecting: devices polled for ever, the buffer carried to each output.
 *
 * @module
 */
export { Alarm, Sleeper } from "./alarm.ts";
export { Drain, type DrainOptions, type DrainPorts } from "./drain.ts";
export { named, Poller, type PollerPorts, type PollerState, type PollTarget } from "./poller.ts";
export { Schedule, type ScheduleOptions } from "./schedule.ts";
export { Stamper } from "./stamp.ts";
export { Supervisor, type SupervisorPorts } from "./supervisor.ts";
