package session

import "strings"

// Device tells coarsely what a browser is, such as "Firefox, Windows": enough for its owner to know it
// again in the list of sessions, too little to follow anybody by.
func Device(userAgent string) string {
	browser := first(userAgent, "", [][2]string{
		{"YaBrowser/", "Яндекс Браузер"}, {"Edg/", "Edge"}, {"EdgA/", "Edge"}, {"OPR/", "Opera"},
		{"SamsungBrowser/", "Samsung Internet"}, {"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"},
		{"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"},
	})
	system := first(userAgent, "", [][2]string{
		{"Windows", "Windows"}, {"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"},
		{"Mac OS X", "macOS"}, {"CrOS", "ChromeOS"}, {"Linux", "Linux"},
	})
	switch {
	case browser == "":
		return system
	case system == "":
		return browser
	}
	return browser + ", " + system
}

func first(s, otherwise string, known [][2]string) string {
	for _, k := range known {
		if strings.Contains(s, k[0]) {
			return k[1]
		}
	}
	return otherwise
}
