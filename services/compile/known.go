package compile

import "strings"

// conditionKinds are the conditions that init/condition checks.
var conditionKinds = []string{"PathExists", "PathExistsGlob", "PathIsDirectory", "PathIsSymbolicLink", "PathIsMountPoint",
	"PathIsReadWrite", "DirectoryNotEmpty", "FileNotEmpty", "FileIsExecutable", "KernelCommandLine", "Architecture",
	"Virtualization", "FirstBoot", "Host"}

// uncheckedConditions are the others of systemd.unit(5): they count as met.
var uncheckedConditions = []string{"ACPower", "CPUFeature", "CPUPressure", "CPUs", "Capability", "ControlGroupController",
	"Credential", "Environment", "Firmware", "Group", "IOPressure", "KernelModuleLoaded", "KernelVersion", "Memory",
	"MemoryPressure", "NeedsUpdate", "OSRelease", "PathIsEncrypted", "Security", "User", "Version"}

// securityKeys are directives of systemd.exec(5) that confine a service and
// that ClarityOS reads but does not enforce yet.
var securityKeys = set(`AppArmorProfile BindPaths BindReadOnlyPaths CapabilityBoundingSet DeviceAllow DevicePolicy
	DynamicUser ExecPaths IPAddressAllow IPAddressDeny InaccessiblePaths KeyringMode LockPersonality
	MemoryDenyWriteExecute MountAPIVFS MountFlags NetworkNamespacePath NoExecPaths PrivateDevices PrivateIPC
	PrivateMounts PrivateNetwork PrivatePIDs PrivateTmp PrivateUsers ProcSubset ProtectClock ProtectControlGroups ProtectHome
	ProtectHostname ProtectKernelLogs ProtectKernelModules ProtectKernelTunables ProtectProc ProtectSystem
	ReadOnlyDirectories ReadOnlyPaths ReadWriteDirectories ReadWritePaths InaccessibleDirectories InaccessiblePaths RemoveIPC RestrictAddressFamilies RestrictFileSystems RestrictNamespaces
	RestrictNetworkInterfaces RestrictRealtime RestrictSUIDSGID RootDirectory RootImage SecureBits SELinuxContext
	SocketBindAllow SocketBindDeny SystemCallArchitectures SystemCallErrorNumber SystemCallFilter SystemCallLog
	TemporaryFileSystem`)

// unenforcedKeys are the other directives of systemd 257 that are read and
// have no effect yet.
var unenforcedKeys = set(`AllowIsolate AllowedCPUs AllowedMemoryNodes BindToDevice BindsTo BusName CPUAccounting CPUAffinity
	CPUQuota CPUQuotaPeriodSec CPUSchedulingPolicy CPUSchedulingPriority CPUSchedulingResetOnFork CollectMode
	CoredumpFilter CoredumpReceive DefaultStartupMemoryLow Delegate DelegateSubgroup ExitType ExtensionDirectories FailureAction
	FailureActionExitStatus FileDescriptorStoreMax FileDescriptorStorePreserve IOAccounting IODeviceWeight
	IODeviceLatencyTargetSec IOReadBandwidthMax IOReadIOPSMax IOSchedulingClass IOSchedulingPriority IOWeight
	IOWriteBandwidthMax IOWriteIOPSMax IPAccounting IgnoreOnIsolate IgnoreSIGPIPE ImportCredential
	JobRunningTimeoutSec JobTimeoutAction JobTimeoutSec JoinsNamespaceOf LoadCredential LoadCredentialEncrypted
	LogExtraFields LogFilterPatterns LogLevelMax LogNamespace LogRateLimitBurst LogRateLimitIntervalSec
	ManagedOOMMemoryPressure ManagedOOMMemoryPressureLimit ManagedOOMPreference ManagedOOMSwap MemoryAccounting MemoryHigh
	MemoryKSM MemoryLow MemoryMin MemoryPressureThresholdSec MemoryPressureWatch MemorySwapMax MemoryZSwapMax
	NFTSet NUMAMask NUMAPolicy NonBlocking OOMPolicy OnFailure OnFailureJobMode OnSuccess OpenFile PAMName PartOf
	PassEnvironment Personality PropagatesReloadTo PropagatesStopTo RebootArgument RefuseManualStart
	RefuseManualStop ReloadPropagatedFrom ReloadSignal Requisite RequiresMountsFor RestartKillSignal RestartMode RootDirectoryStartOnly RuntimeMaxSec
	RuntimeRandomizedExtraSec SetCredential SetCredentialEncrypted SetLoginEnvironment Sockets SourcePath
	StandardInputData StandardInputText StartLimitAction StartupAllowedCPUs StartupCPUWeight StartupIOWeight
	StartupMemoryHigh StartupMemoryMax StateDirectoryQuota StopPropagatedFrom StopWhenUnneeded SuccessAction
	SurviveFinalKillSignal SyslogFacility SyslogLevel SyslogLevelPrefix TTYColumns TTYReset TTYRows TTYVHangup
	TTYVTDisallocate TimeoutAbortSec TimeoutStartFailureMode TimeoutStopFailureMode TimerSlackNSec USBFunctionDescriptors
	USBFunctionStrings UnsetEnvironment Upholds UtmpIdentifier UtmpMode WantsMountsFor WatchdogSec WatchdogSignal`)

func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}
