/** A file for the service manager or one of its neighbours. */
export interface ServiceFile {
  /** What it is called for. */
  readonly name: string;
  /** Where it belongs. */
  readonly path: string;
  /** What it holds. */
  readonly text: string;
}

/**
 * What keeps a service to its work: systemd.exec(5). `MemoryDenyWriteExecute=` is not among it, since
 * V8 compiles what it runs.
 */
const SANDBOX = `User=sunspool
Group=sunspool
WorkingDirectory=/var/lib/sunspool
StateDirectory=sunspool
StateDirectoryMode=0750
CacheDirectory=sunspool
Environment=XDG_CACHE_HOME=/var/cache
EnvironmentFile=-/etc/sunspool/environment
UMask=0027
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateMounts=yes
PrivateDevices=yes
PrivateUsers=yes
PrivateIPC=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
ProtectProc=invisible
ProcSubset=pid
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RemoveIPC=yes
LockPersonality=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
# Only your networks: IPAddressDeny=any, and IPAddressAllow= with devices, brokers and name servers.
# Secrets: LoadCredential=kafka_sasl_password:PATH, LoadCredential=metrics_token:PATH`;

const CONFIG = "/etc/sunspool/config.toml";

/**
 * All files, in the order in which they are wanted.
 *
 * @param program path of sunspool on that machine
 */
export function serviceFiles(program: string): readonly ServiceFile[] {
  const unit = (name: string, text: string): ServiceFile => ({
    name,
    path: `/etc/systemd/system/${name}`,
    text,
  });
  return [
    { name: "sysusers", path: "/etc/sysusers.d/sunspool.conf", text: SYSUSERS },
    { name: "tmpfiles", path: "/etc/tmpfiles.d/sunspool.conf", text: TMPFILES },
    unit("sunspool.service", collectUnit(program)),
    unit("sunspool-poll.service", onceUnit(program, "poll", "poll --buffer --count 1")),
    unit("sunspool-poll.timer", timerUnit("poll")),
    unit("sunspool-drain.service", onceUnit(program, "drain", "drain --jitter 15s")),
    unit("sunspool-drain.timer", timerUnit("drain")),
    {
      name: "serial.conf",
      path: "/etc/systemd/system/sunspool.service.d/serial.conf",
      text: SERIAL,
    },
  ];
}

const SYSUSERS = `u sunspool - "sunspool collector" /var/lib/sunspool
`;

const TMPFILES = `d /etc/sunspool 0750 root sunspool -
z ${CONFIG} 0640 root sunspool -
d /var/lib/sunspool 0750 sunspool sunspool -
`;

/** Only where devices are on a serial port. */
const SERIAL = `[Service]
PrivateDevices=no
DevicePolicy=closed
DeviceAllow=char-ttyUSB rw
DeviceAllow=char-ttyACM rw
DeviceAllow=char-ttyS rw
SupplementaryGroups=dialout
`;

function collectUnit(program: string): string {
  return `[Unit]
Description=sunspool collector
Wants=network-online.target
After=network-online.target time-sync.target
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
ExecStart=${program} collect --config ${CONFIG}
# It answers RELOADING=1 and READY=1.
ExecReload=/bin/sh -c "kill -HUP $$MAINPID"
WatchdogSec=60
Restart=on-failure
RestartSec=5
RestartPreventExitStatus=2 78
TimeoutStopSec=30
${SANDBOX}

[Install]
WantedBy=multi-user.target
`;
}

/** Instead of the collector: polls and delivers, each from a timer of its own. */
function onceUnit(program: string, name: string, words: string): string {
  return `[Unit]
Description=sunspool ${name}, once
Wants=network-online.target
After=network-online.target time-sync.target

[Service]
Type=oneshot
ExecStart=${program} ${words} --config ${CONFIG}
# Some devices or batches failed; try later.
SuccessExitStatus=3 75
TimeoutStartSec=300
${SANDBOX}
`;
}

function timerUnit(name: string): string {
  return `[Unit]
Description=sunspool ${name}, every minute

[Timer]
OnCalendar=minutely
AccuracySec=1s

[Install]
WantedBy=timers.target
`;
}
