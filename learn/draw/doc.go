// Package draw lays out what was learned and draws it as SVG, and writes amounts as
// people read them. clarityctl's own drawings and the page of learn/report are made
// with it. Everything in it is a function of values.
package draw
