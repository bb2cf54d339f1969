package ministack

// glance is what Glance knows.
type glance struct {
	images []*Image
}

// Image is an image that servers are made of.
type Image struct {
	ID, Name string // ID default: made up
	Size     int64  // bytes
}

func (c *Cloud) addImage(image Image) {
	if image.ID == "" {
		image.ID = c.newID()
	}
	c.images = append(c.images, &image)
}
