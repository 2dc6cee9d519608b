package main

import (
	"fmt"
	"time"
)

// when tells a time as a distance and, beside it, in the zone of p.now.
func (p *page) when(t time.Time) string {
	d, clock := p.distance(t), p.clock(t)
	if d == "" {
		return clock
	}
	return d + " (" + clock + ")"
}

// ago is the distance alone, or the date where that is long.
func (p *page) ago(t time.Time) string {
	if d := p.distance(t); d != "" {
		return d
	}
	return p.clock(t)
}

// distance is "" for more than a month.
func (p *page) distance(t time.Time) string {
	d := t.Sub(p.now)
	future := d > 0
	d = max(d, -d)
	var words string
	switch {
	case d < 5*time.Second && future:
		return "in a moment"
	case d < 5*time.Second:
		return "just now"
	case d < time.Minute:
		words = fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		words = fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		words = fmt.Sprintf("%d h", int(d.Hours()))
	case d < 31*24*time.Hour:
		words = fmt.Sprintf("%d days", int(d.Hours()/24))
	default:
		return ""
	}
	if future {
		return "in " + words
	}
	return words + " ago"
}

func (p *page) clock(t time.Time) string {
	t = t.In(p.now.Location())
	layout := "2006-01-02 15:04"
	switch {
	case t.YearDay() == p.now.YearDay() && t.Year() == p.now.Year():
		layout = "15:04"
	case t.Year() == p.now.Year():
		layout = "2 Jan 15:04"
	}
	return t.Format(layout)
}
