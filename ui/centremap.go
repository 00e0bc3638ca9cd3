package ui

import (
	"math"
	"slices"
	"strconv"
)

// A CentreMap is our own map: an outline of coordinates with the centres on it, and nothing fetched from
// anybody, who would learn who looks for a service centre where.
type CentreMap struct {
	Width, Height int
	Points        []MapPoint
	Lines         []MapLine
	// Scale is a bar of whole kilometres.
	ScaleKM                    int
	ScaleX, ScaleY, ScaleWidth int
}

// A MapPoint is a centre, or several that lie on each other at this scale.
type MapPoint struct {
	X, Y int
	// PlateX and PlateY are the corner of the label's plate, Wide its width.
	PlateX, PlateY, Wide int
	Label                string // the numbers in the list, such as "3" or "3, 4"
	Names                string // for who cannot see it
	Href                 string
	Town                 string // written beside the first point of each town
	Left                 bool   // the town is written to the left of the point
}

// A MapLine is a parallel or a meridian.
type MapLine struct {
	X1, Y1, X2, Y2 int
	TextX, TextY   int
	Label          string
}

// A MapPlace is what is to be shown.
type MapPlace struct {
	Number              int
	Name, Town, Href    string
	Latitude, Longitude float64
}

const (
	mapWidth   = 960
	mapHeight  = 560
	mapMargin  = 72
	kmDegree   = 111.32 // a degree of latitude
	leastSpan  = 4.0    // kilometres across at least, so that one centre is not a map of its doorstep
	pointReach = 30     // points closer than this are one
)

// MapOf draws places; nil when there are none. The projection keeps distances true at the middle latitude,
// which is enough for a region and is honest about one: the scale bar holds there.
func MapOf(places []MapPlace) *CentreMap {
	if len(places) == 0 {
		return nil
	}
	south, north, west, east := 90.0, -90.0, 180.0, -180.0
	for _, p := range places {
		south, north = min(south, p.Latitude), max(north, p.Latitude)
		west, east = min(west, p.Longitude), max(east, p.Longitude)
	}
	lat, lon := (south+north)/2, (west+east)/2
	shrink := max(math.Cos(lat*math.Pi/180), 0.05)
	wide := max((east-west)*shrink*kmDegree, leastSpan)
	high := max((north-south)*kmDegree, leastSpan)
	perKM := min((mapWidth-2*mapMargin)/wide, (mapHeight-2*mapMargin)/high)
	x := func(longitude float64) int {
		return int(math.Round(mapWidth/2 + (longitude-lon)*shrink*kmDegree*perKM))
	}
	y := func(latitude float64) int { return int(math.Round(mapHeight/2 - (latitude-lat)*kmDegree*perKM)) }

	m := &CentreMap{Width: mapWidth, Height: mapHeight}
	m.ScaleKM = 1
	for m.ScaleKM < 10_000 && float64(m.ScaleKM)*perKM < 90 {
		m.ScaleKM = next(m.ScaleKM)
	}
	m.ScaleWidth = int(float64(m.ScaleKM) * perKM)
	m.ScaleX, m.ScaleY = mapWidth-24-m.ScaleWidth, mapHeight-26 // in the margin, where no point lies

	step := degrees(180 / (perKM * kmDegree))
	for v := math.Ceil((lat-mapHeight/2/perKM/kmDegree)/step) * step; y(v) > 0; v += step {
		if at := y(v); at < mapHeight {
			m.Lines = append(m.Lines, MapLine{0, at, mapWidth, at, 6, at - 6, degree(v, step)})
		}
	}
	step = degrees(180 / (perKM * kmDegree * shrink))
	for v := math.Ceil((lon-mapWidth/2/perKM/kmDegree/shrink)/step) * step; x(v) < mapWidth; v += step {
		if at := x(v); at > 0 {
			m.Lines = append(m.Lines, MapLine{at, 0, at, mapHeight, at + 6, 18, degree(v, step)})
		}
	}

	var towns []string
	for _, p := range places {
		at := MapPoint{X: x(p.Longitude), Y: y(p.Latitude), Label: strconv.Itoa(p.Number), Names: p.Name, Href: p.Href}
		i := slices.IndexFunc(m.Points, func(o MapPoint) bool {
			return math.Hypot(float64(o.X-at.X), float64(o.Y-at.Y)) < pointReach
		})
		if i >= 0 {
			m.Points[i].Label += ", " + at.Label
			m.Points[i].Names += "; " + at.Names
			continue
		}
		if !slices.Contains(towns, p.Town) {
			towns = append(towns, p.Town)
			at.Town, at.Left = p.Town, at.X > mapWidth*2/3
		}
		m.Points = append(m.Points, at)
	}
	for i := range m.Points {
		p := &m.Points[i]
		p.Wide = 26 + 9*(len(p.Label)-1)
		p.PlateX, p.PlateY = p.X-p.Wide/2, p.Y-13
	}
	return m
}

// next goes 1, 2, 5, 10, 20, 50…
func next(n int) int {
	for unit := 1; ; unit *= 10 {
		for _, k := range []int{1, 2, 5} {
			if k*unit > n {
				return k * unit
			}
		}
	}
}

// degrees is the least step of the grid that is no finer than least.
func degrees(least float64) float64 {
	for _, s := range []float64{0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10} {
		if s >= least {
			return s
		}
	}
	return 30
}

func degree(v, step float64) string {
	digits := 0
	for s := step; s < 1 && digits < 2; s *= 10 {
		digits++
	}
	return strconv.FormatFloat(v, 'f', digits, 64) + "°"
}
