// Package learn is the learning component: it sees what processes do
// (learn/observe, and learn/sockets for what was there before) and whom they call on
// D-Bus (learn/dbus), makes of it who uses what of whom (learn/uses), and publishes
// that on the bus. What units use goes into their profiles (learn/profiles) and says
// which are likely to fail (learn/predict). Everything in it may die at any moment: the programs stay in the
// kernel, and what they see waits.
package learn
