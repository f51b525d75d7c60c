// Package statistics sums up what benchmarks have measured.
package statistics

import (
	"math"
	"slices"
)

// Median is the middle value, or the mean of the two in the middle. There must
// be a value.
func Median(values []float64) float64 {
	v := slices.Sorted(slices.Values(values))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// Spread is the distance between the largest and the smallest value.
func Spread(values []float64) float64 { return slices.Max(values) - slices.Min(values) }

// Round keeps that many digits after the point.
func Round(x float64, digits int) float64 {
	scale := math.Pow10(digits)
	return math.Round(x*scale) / scale
}
