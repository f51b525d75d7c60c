// Package setup is the component that runs once per boot before sysinit.target:
// the data disk is found, checked, grown and mounted on /var; kernel settings,
// files and folders of the plan are applied; the machine id and the random seed
// are taken from /var. At shutdown it saves a new seed.
//
// Every step is told by name when it fails, and the later ones are still done:
// a machine with a broken disk has to come up far enough to be repaired.
package setup
