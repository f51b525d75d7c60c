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
var unenforcedKeys = set(`AcceptFileDescriptors CoredumpReceive DefaultStartupMemoryLow DeferTrigger ExecStartPre
	ExtensionDirectories FailureActionExitStatus FileDescriptorStoreMax FileDescriptorStorePreserve
	IPAccounting IPTOS ImportCredential JoinsNamespaceOf ListenMessageQueue ListenNetlink ListenSpecial
	ListenUSBFunction LoadCredential LoadCredentialEncrypted LogFilterPatterns LogNamespace
	ManagedOOMMemoryPressure ManagedOOMMemoryPressureLimit ManagedOOMPreference ManagedOOMSwap MemoryKSM
	MessageQueueMaxMessages MessageQueueMessageSize NFTSet NUMAMask NUMAPolicy NonBlocking OnFailureJobMode
	OpenFile PAMName PassFileDescriptorsToExec PassPacketInfo Personality PipeSize PollLimitBurst
	PollLimitIntervalSec RebootArgument RootDirectoryStartOnly RuntimeRandomizedExtraSec SELinuxContextFromNet
	SetCredential SetCredentialEncrypted SetLoginEnvironment SmackLabel SmackLabelIPIn SmackLabelIPOut
	SocketProtocol StartupAllowedCPUs StartupCPUWeight StartupIOWeight StartupMemoryHigh StartupMemoryMax
	StateDirectoryQuota SurviveFinalKillSignal TCPCongestion Timestamping USBFunctionDescriptors
	USBFunctionStrings UtmpIdentifier UtmpMode Writable`)

func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}
