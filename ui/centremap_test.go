package ui

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestMapKeepsEveryPlaceOnIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 12).Draw(t, "places")
		var places []MapPlace
		for i := range n {
			places = append(places, MapPlace{
				Number: i + 1, Town: "Town", Href: "#",
				Latitude: rapid.Float64Range(-89, 89).Draw(t, "latitude"), Longitude: rapid.Float64Range(-180, 180).Draw(t, "longitude"),
			})
		}
		m := MapOf(places)
		numbers := 0
		for _, p := range m.Points {
			if p.X < 0 || p.X > m.Width || p.Y < 0 || p.Y > m.Height {
				t.Fatalf("%s lies at %d, %d, off the map", p.Label, p.X, p.Y)
			}
			numbers += len(strings.Split(p.Label, ", "))
		}
		if numbers != n {
			t.Fatalf("%d of %d places are on the map", numbers, n)
		}
		if m.ScaleWidth <= 0 || len(m.Lines) > 80 {
			t.Fatalf("a scale of %d and %d lines", m.ScaleWidth, len(m.Lines))
		}
	})
}

func TestPlacesThatLieOnEachOtherAreOnePoint(t *testing.T) {
	m := MapOf([]MapPlace{
		{Number: 1, Name: "A", Town: "X", Latitude: 56, Longitude: 38}, {Number: 2, Name: "B", Town: "X", Latitude: 56.0001, Longitude: 38},
		{Number: 3, Name: "C", Town: "Y", Latitude: 57, Longitude: 39},
	})
	if len(m.Points) != 2 || m.Points[0].Label != "1, 2" || m.Points[0].Names != "A; B" || m.Points[0].Town != "X" || m.Points[1].Town != "Y" {
		t.Errorf("points %+v", m.Points)
	}
	if m.Points[0].Y <= m.Points[1].Y || m.Points[0].X >= m.Points[1].X {
		t.Error("north is not up, or east not right")
	}
	if MapOf(nil) != nil {
		t.Error("a map of nothing")
	}
}
