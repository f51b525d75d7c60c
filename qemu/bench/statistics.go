package main

import (
	"math"
	"slices"
)

// median is the middle value, or the mean of the two in the middle. There must
// be a value.
func median(values []float64) float64 {
	v := slices.Sorted(slices.Values(values))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// spread is the distance between the largest and the smallest value.
func spread(values []float64) float64 { return slices.Max(values) - slices.Min(values) }

// round keeps that many digits after the point.
func round(x float64, digits int) float64 {
	scale := math.Pow10(digits)
	return math.Round(x*scale) / scale
}
